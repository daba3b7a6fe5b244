"""Layers whose first weights follow from a generator, so that the same options give the same network.

He, Zhang, Ren, Sun 2015, "Delving Deep into Rectifiers", arXiv:1502.01852, eq. 10: normal with variance 2 / fan_in.
"""

import math

import torch
from torch import nn
from torch.nn.utils import skip_init


def build_convolution(
    n_in: int, n_out: int, kernel: int, generator: torch.Generator, *, stride: int = 1, n_axes: int = 2
) -> nn.Module:
    """Build a convolution without bias, each end of the input padded by half a kernel, rounded down.

    Args:
        n_in: Channels of its input.
        n_out: Channels of its output.
        kernel: Length of the kernel on each axis.
        generator: Draws the weights.
        stride: Step of the kernel.
        n_axes: 1 for series, 2 for images.
    """
    kind = nn.Conv1d if n_axes == 1 else nn.Conv2d
    layer = skip_init(kind, n_in, n_out, kernel, stride=stride, padding=kernel // 2, bias=False)
    _draw(layer.weight, n_in * kernel**n_axes, generator)
    if n_axes == 2:
        # A CPU convolves about twice as quickly with the channels last in memory, and follows the weights in that.
        layer.weight = nn.Parameter(layer.weight.detach().contiguous(memory_format=torch.channels_last))
    return layer


def build_linear(n_in: int, n_out: int, generator: torch.Generator) -> nn.Linear:
    """Build a linear layer with a bias of zero."""
    layer = skip_init(nn.Linear, n_in, n_out)
    _draw(layer.weight, n_in, generator)
    nn.init.zeros_(layer.bias)
    return layer


def _draw(weight: torch.Tensor, fan_in: int, generator: torch.Generator) -> None:
    with torch.no_grad():
        weight.normal_(0, math.sqrt(2 / fan_in), generator=generator)
