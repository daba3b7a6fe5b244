"""Convolutions along time, averaged over it: embeds series of any length.

Wang, Yan, Oates 2017, "Time Series Classification from Scratch with Deep Neural Networks", arXiv:1611.06455, figure
1(b): three blocks of convolution (8, 5 and 3 steps), batch normalisation and ReLU, then the mean over time.

Deviations: narrower by default (128, 256 and 128 channels in the paper), for a few labels a class; steps that are NaN
count nowhere, neither in the normalisation nor in the mean, so that series of unequal length can share a batch.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from metafuse.backbones.base import check_items, check_positive
from metafuse.backbones.initialisation import build_convolution
from metafuse.backbones.normalisation import BatchNorm
from metafuse.errors import ConfigError


class Cnn1d(nn.Module):
    """Embeds series of (n_items, in_channels, length); NaN where a series has no value.

    Args:
        in_channels: Values a step.
        widths: Channels of each block.
        kernels: Steps each block's kernel spans.
        statistics: Of the normalisation: "running" or "batch", see `BatchNorm`.
        seed: Of the first weights.
    Raises:
        ConfigError: widths and kernels differ in number, or one is below 1.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        widths: Sequence[int] = (64, 128, 64),
        kernels: Sequence[int] = (8, 5, 3),
        statistics: str = "running",
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_positive("cnn1d", in_channels=in_channels, widths=widths, kernels=kernels)
        if len(widths) != len(kernels):
            raise ConfigError(
                f"cnn1d: expected one kernel a block, got {len(widths)} widths and {len(kernels)} kernels."
            )
        generator = torch.Generator().manual_seed(seed)
        self.in_channels, self.dim = in_channels, widths[-1]
        self.convolutions = nn.ModuleList(
            build_convolution(n_in, n_out, kernel, generator, n_axes=1)
            for n_in, n_out, kernel in zip((in_channels, *widths[:-1]), widths, kernels, strict=True)
        )
        self.normalise = nn.ModuleList(BatchNorm(width, statistics=statistics) for width in widths)

    def forward(self, items: Tensor) -> Float[Tensor, "n_items dim"]:
        """Embed series; zeros for one without a single value.

        Raises:
            ShapeError: the series have another number of channels.
        """
        check_items(items, [("n_items", None), ("channels", self.in_channels), ("length", None)], "cnn1d")
        # A step counts where any of its channels has a value. (n_items, 1, length)
        present = ~items.isnan().all(dim=1, keepdim=True)
        steps, weight = items.nan_to_num(nan=0.0), present.to(items.dtype)
        for convolution, normalise in zip(self.convolutions, self.normalise, strict=True):
            # A kernel of even length gives one step more than it takes.
            steps = normalise(convolution(steps)[..., : items.shape[2]], present)
            steps = nn.functional.relu(steps) * weight
        return steps.sum(dim=2) / weight.sum(dim=2).clamp(min=1)
