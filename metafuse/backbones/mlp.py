"""Fully connected layers over features."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from metafuse.backbones.base import check_items, check_positive
from metafuse.backbones.initialisation import build_linear
from metafuse.backbones.normalisation import BatchNorm


class Mlp(nn.Module):
    """Embeds feature vectors of (n_items, in_features): linear layers with ReLU between them.

    Args:
        in_features: Length of a feature vector.
        hidden: Widths between input and embedding; none for a linear map.
        dim: Length of the embedding.
        statistics: "running" or "batch" normalises before each ReLU, see `BatchNorm`; "none" does not.
        seed: Of the first weights.
    Raises:
        ConfigError: a width is below 1.
    """

    def __init__(
        self,
        *,
        in_features: int,
        hidden: Sequence[int] = (256,),
        dim: int = 128,
        statistics: str = "none",
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_positive("mlp", in_features=in_features, dim=dim, hidden=hidden or (1,))
        generator = torch.Generator().manual_seed(seed)
        self.in_features, self.dim = in_features, dim
        layers: list[nn.Module] = []
        width = in_features
        for n_out in hidden:
            layers.append(build_linear(width, n_out, generator))
            if statistics != "none":
                layers.append(BatchNorm(n_out, statistics=statistics))
            layers.append(nn.ReLU())
            width = n_out
        self.layers = nn.Sequential(*layers, build_linear(width, dim, generator))

    def forward(self, items: Tensor) -> Float[Tensor, "n_items dim"]:
        """Embed feature vectors.

        Raises:
            ShapeError: the vectors have another length.
        """
        check_items(items, [("n_items", None), ("features", self.in_features)], "mlp")
        return self.layers(items)
