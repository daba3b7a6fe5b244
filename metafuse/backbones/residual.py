"""The block of residual backbones for few-shot images.

He, Zhang, Ren, Sun 2016, "Deep Residual Learning", arXiv:1512.03385; Oreshkin, Rodriguez, Lacoste 2018, "TADAM",
arXiv:1805.10123: 3x3 convolutions, each with batch normalisation and LeakyReLU(0.1), the last LeakyReLU after the
shortcut (1x1 convolution and normalisation) is added, then 2x2 max-pooling.

Deviation: the last LeakyReLU comes after pooling, which gives the same values from a quarter of the work.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from metafuse.backbones.initialisation import build_convolution
from metafuse.backbones.normalisation import BatchNorm

SLOPE = 0.1


class ResidualBlock(nn.Module):
    """Halves the side of images.

    Args:
        n_in: Channels of its input.
        n_out: Channels of its output.
        n_convolutions: 3x3 convolutions on the inner path.
        statistics: Of the normalisation: "running" or "batch", see `BatchNorm`.
        generator: Draws the first weights.
    """

    def __init__(
        self, n_in: int, n_out: int, *, n_convolutions: int, statistics: str, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            build_convolution(n_in if place == 0 else n_out, n_out, 3, generator) for place in range(n_convolutions)
        )
        self.normalise = nn.ModuleList(BatchNorm(n_out, statistics=statistics) for _ in range(n_convolutions))
        self.shortcut = nn.Sequential(
            build_convolution(n_in, n_out, 1, generator), BatchNorm(n_out, statistics=statistics)
        )

    def forward(self, images: Float[Tensor, "n_items channels height width"]) -> Float[Tensor, "n_items n_out h w"]:
        """Convolve, add the shortcut, pool."""
        inner = images
        for place, (convolution, normalise) in enumerate(zip(self.convolutions, self.normalise, strict=True)):
            if place > 0:
                inner = nn.functional.leaky_relu(inner, SLOPE)
            inner = normalise(convolution(inner))
        pooled = nn.functional.max_pool2d(inner + self.shortcut(images), 2)
        return nn.functional.leaky_relu(pooled, SLOPE)
