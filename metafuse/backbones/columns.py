"""Any columns of any source: one residual map a modality, applied to each column of that modality.

    y_c = x_c + U_m V_m x_c, scaled back to the length of x_c;      f(x) = [ y_c for each column c ]

Column features come centred and weighted (`EarlyFusion`), so with the residuals at zero, where they start, this is
the plain weighted concatenation. A checkpoint trained on other schemas works on a new one: what it knows belongs to
modalities, not to columns. Columns of modalities it has no map for (tables, whose encoding differs from source to
source) pass unchanged. A column an item lacks is a block of zeros, and stays one.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from metafuse.errors import ShapeError

SEPARATOR = "/"
"""Columns are keyed "modality/name"."""


class ColumnsBackbone(nn.Module):
    """Maps each column by its modality and concatenates.

    Args:
        dims: Modality -> dimension of its features, for those that get a map.
        rank: Of each residual map; its full dimension where larger.
        seed: Draws the half of each residual that does not start at zero.
    """

    def __init__(self, *, dims: Mapping[str, int], rank: int = 384, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.dims = dict(dims)
        self.down, self.up = nn.ParameterDict(), nn.ParameterDict()
        for modality, dim in sorted(self.dims.items()):
            width = min(rank, dim)
            self.down[modality] = nn.Parameter(torch.randn(width, dim, generator=generator) / dim**0.5)
            self.up[modality] = nn.Parameter(torch.zeros(dim, width))

    def forward(self, items: Mapping[str, Tensor]) -> Float[Tensor, "n_items dim"]:
        """Map and concatenate the columns, in the order they come.

        Args:
            items: "modality/column" -> (n_items, dim).
        Raises:
            ShapeError: a column has another dimension than its modality's map.
        """
        return torch.cat([self.map_column(name.split(SEPARATOR)[0], x) for name, x in items.items()], dim=-1)

    def map_column(self, modality: str, x: Float[Tensor, "n_items dim"]) -> Float[Tensor, "n_items dim"]:
        """Add a modality's residual to features of one of its columns, keeping their length."""
        if modality not in self.dims:
            return x
        if x.shape[-1] != self.dims[modality]:
            raise ShapeError(
                f"modality '{modality}': expected features of {self.dims[modality]} dimensions, as the checkpoint was "
                f"trained on, got {x.shape[-1]}. Use the encoder it was trained with."
            )
        y = x + x @ self.down[modality].T @ self.up[modality].T
        length = x.square().sum(-1, keepdim=True).clamp(min=1e-24).sqrt()
        return y * length / y.square().sum(-1, keepdim=True).clamp(min=1e-24).sqrt()

    def distance_from_start(self) -> Float[Tensor, ""]:
        """Squared Frobenius norm of the residual maps, summed; the pull to the start is a multiple of it."""
        return torch.stack([(self.up[name] @ self.down[name]).square().sum() for name in self.down]).sum()
