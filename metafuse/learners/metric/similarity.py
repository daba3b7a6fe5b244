"""What metric learners compare with: cosines in full precision, and numbers over 0 that may be learned."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from metafuse.errors import ConfigError


def cosines(
    x: Float[Tensor, "n_tasks n_query dim"], y: Float[Tensor, "n_tasks n_other dim"]
) -> Float[Tensor, "n_tasks n_query n_other"]:
    """Compare every row of x with every row of y of the same task; 0 where one is all zeros."""
    return nn.functional.normalize(x, dim=-1) @ nn.functional.normalize(y, dim=-1).mT


def shrink_by_shots(sizes: Float[Tensor, "n_tasks n_way"]) -> Float[Tensor, "n_tasks n_way"]:
    """Compute what squared distances to class means are multiplied by, so that means of few items do not look far away.

    From a new item of variance v, the mean of n others is v + v / n away in expectation, and n / (n + 1) takes that
    back to v. Divided by its mean over the classes of a task: with equal shots it is 1.

    Args:
        sizes: Sum of the weights of each class, 0 of a class the episode does not have.
    """
    factor = sizes / (sizes + 1)
    return factor * (sizes > 0).sum(-1, keepdim=True) / factor.sum(-1, keepdim=True)


def log_parameter(name: str, value: float, *, learn: bool = True) -> nn.Parameter:
    """Hold the logarithm of a number, so that training keeps it over 0.

    Args:
        name: Of the option, for the message.
        value: Where it starts.
        learn: Whether it is trained.
    Raises:
        ConfigError: the number is not over 0.
    """
    if not 0 < value < math.inf:
        raise ConfigError(f"{name}: expected a number over 0, got {value}. Leave it out for the usual one.")
    return nn.Parameter(torch.tensor(math.log(value)), requires_grad=learn)


def full_precision(x: Tensor) -> torch.autocast:
    """Leave mixed precision for a block: distances lose in bfloat16 what tells near items apart."""
    return torch.autocast(x.device.type, enabled=False)


def widen(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Turn what a backbone computed in mixed precision into float32; float32 and float64 stay as they are."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
