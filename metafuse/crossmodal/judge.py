"""The discriminator of the adversarial translators."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from metafuse.backbones.initialisation import build_linear


class Judge(nn.Module):
    """Tells real codes from generated ones, given conditions beside them; up = real.

    Args:
        n_in: Length of a code and of its conditions together.
        hidden: Width.
        generator: Draws the first weights.
    """

    def __init__(self, n_in: int, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            build_linear(n_in, hidden, generator), nn.LeakyReLU(0.2), build_linear(hidden, 1, generator)
        )

    def forward(self, sample: Float[Tensor, "n dim"], *conditions: Float[Tensor, "n _"]) -> Float[Tensor, " n"]:
        """Judge samples."""
        return self.layers(torch.cat([sample, *conditions], dim=1)).squeeze(1)
