"""Batch normalisation that stays exact when it is differentiated twice under `torch.func.vmap`.

Ioffe, Szegedy 2015, "Batch Normalization", arXiv:1502.03167, algorithm 1. `torch.nn.BatchNorm2d` with affine weights
gives second-order gradients under `vmap` that are 0.04-1.3 % off without a word (torch 2.13); written as mean and
variance they are right. The running statistics are those of `torch.nn.BatchNorm2d` (variance with n - 1).
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from metafuse.errors import ConfigError, ShapeError


class BatchNorm(nn.Module):
    """Normalises each channel to mean 0 and variance 1, then scales and shifts it.

    Args:
        n_channels: Length of the second axis.
        statistics: "running" normalises by the batch while training and by running averages afterwards: an item's
            embedding then does not depend on those beside it. It is trained by plain autograd. "batch" always
            normalises by the batch and keeps no buffers, as MAML does; use it under `torch.func`.
        momentum: Weight of the newest batch in the running averages.
        epsilon: Added to the variance.
    Raises:
        ConfigError: `statistics` is neither of the two.
    """

    def __init__(
        self, n_channels: int, *, statistics: str = "running", momentum: float = 0.1, epsilon: float = 1e-5
    ) -> None:
        super().__init__()
        if statistics not in ("running", "batch"):
            raise ConfigError(f"batch normalisation: expected statistics 'running' or 'batch', got '{statistics}'.")
        self.statistics, self.momentum, self.epsilon = statistics, momentum, epsilon
        self.weight = nn.Parameter(torch.ones(n_channels))
        self.bias = nn.Parameter(torch.zeros(n_channels))
        running = statistics == "running"
        self.register_buffer("running_mean", torch.zeros(n_channels) if running else None)
        self.register_buffer("running_var", torch.ones(n_channels) if running else None)
        self.running_mean: Tensor | None
        self.running_var: Tensor | None

    def forward(
        self, items: Float[Tensor, "n_items channels *rest"], present: Bool[Tensor, "n_items 1 *rest"] | None = None
    ) -> Float[Tensor, "n_items channels *rest"]:
        """Normalise.

        Args:
            items: Values, channels second.
            present: Places that count towards mean and variance; all of them when None.
        Raises:
            ShapeError: the batch is to be normalised by itself and has one value a channel.
        """
        if self.running_mean is not None and self.running_var is not None:
            if not self.training:
                return self._scale(items, self.running_mean, self.running_var)
            if present is None:
                _check_size(items)
                return nn.functional.batch_norm(
                    items, self.running_mean, self.running_var, self.weight, self.bias, True, self.momentum,
                    self.epsilon,
                )  # fmt: skip
        mean, variance, count = _moments(items, present)
        if self.running_mean is not None and self.running_var is not None:
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(variance * count / (count - 1).clamp(min=1), self.momentum)
        return self._scale(items, mean, variance)

    def _scale(
        self,
        items: Float[Tensor, "n_items channels *rest"],
        mean: Float[Tensor, " channels"],
        variance: Float[Tensor, " channels"],
    ) -> Float[Tensor, "n_items channels *rest"]:
        # One multiply-add over the items; everything else is as short as the channels.
        scale = self.weight * torch.rsqrt(variance + self.epsilon)
        shift = self.bias - mean * scale
        along = (-1, *[1] * (items.ndim - 2))
        return torch.addcmul(shift.view(along), items, scale.view(along))


def _moments(
    items: Float[Tensor, "n_items channels *rest"], present: Bool[Tensor, "n_items 1 *rest"] | None
) -> tuple[Float[Tensor, " channels"], Float[Tensor, " channels"], Float[Tensor, ""]]:
    """Mean, variance (divided by n) and number of values a channel."""
    axes = [axis for axis in range(items.ndim) if axis != 1]
    if present is None:
        _check_size(items)
        mean = items.mean(axes)
        # torch.var_mean over several axes is 30 times as slow as mean.
        centred = items - mean.view(-1, *[1] * (items.ndim - 2))
        return mean, centred.square().mean(axes), items.new_tensor(items[:, 0].numel())
    weight = present.to(items.dtype)
    count = weight.sum().clamp(min=1)
    mean = (items * weight).sum(axes) / count
    centred = (items - mean.view(-1, *[1] * (items.ndim - 2))) * weight
    return mean, centred.square().sum(axes) / count, count


def _check_size(items: Float[Tensor, "n_items channels *rest"]) -> None:
    if items[:, 0].numel() < 2:
        raise ShapeError(
            f"batch normalisation: expected two values a channel or more to normalise a batch by itself, got items of "
            f"shape {tuple(items.shape)}. Give more items, or evaluate with running statistics."
        )
