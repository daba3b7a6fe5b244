"""Update rules of the inner loop: how a step follows from a gradient.

Each is a small module that learns what the method learns, and starts as plain gradient descent. They work on parameters
with and without a task axis in front, as what they learn has none and broadcasts.
"""

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from metafuse.errors import ConfigError

Parameters = Mapping[str, Tensor]
"""Name -> tensor, with or without the task axis first."""

Gradient = Callable[[Parameters], Parameters]
"""Parameters of all tasks -> gradients of their support losses, the task axis first."""


@runtime_checkable
class UpdateRule(Protocol):
    """Turns gradients into the next parameters; also an `nn.Module`.

    Attributes:
        one_rate: Whether every number of a tensor moves at the same rate in a step.
    """

    one_rate: bool

    def step(
        self, step: int, parameters: Parameters, gradients: Parameters, memory: Parameters
    ) -> tuple[Parameters, Parameters]:
        """Take a step.

        Args:
            step: Which one, from 0.
            parameters: Where it starts.
            gradients: Of the support loss there, under the same names.
            memory: What the rule returned at the step before; empty at the first.
        Returns:
            The next parameters, and the memory for the next step.
        """
        ...


class Sgd(nn.Module):
    """Gradient descent at one rate (MAML: Finn, Abbeel, Levine 2017, arXiv:1703.03400, eq. 1)."""

    one_rate = True

    def __init__(self, inner_lr: float) -> None:
        super().__init__()
        self.inner_lr = check_rate(inner_lr)

    def step(
        self, step: int, parameters: Parameters, gradients: Parameters, memory: Parameters
    ) -> tuple[Parameters, Parameters]:
        """Move against the gradient; see `UpdateRule.step`."""
        return {name: start - self.inner_lr * gradients[name] for name, start in parameters.items()}, {}


class LearnedRates(nn.Module):
    """A learned rate for each number (Meta-SGD: Li et al. 2017, arXiv:1707.09835, eq. 2)."""

    one_rate = False

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], inner_lr: float) -> None:
        super().__init__()
        check_rate(inner_lr)
        self.rates = nn.ParameterDict({_key(name): torch.full(shape, inner_lr) for name, shape in shapes.items()})

    def step(
        self, step: int, parameters: Parameters, gradients: Parameters, memory: Parameters
    ) -> tuple[Parameters, Parameters]:
        """Move against the gradient, each number at its rate; see `UpdateRule.step`."""
        return {name: start - self.rates[_key(name)] * gradients[name] for name, start in parameters.items()}, {}


class StepRates(nn.Module):
    """A learned rate for each tensor and step (MAML++: Antoniou et al. 2019, arXiv:1810.09502, section 4)."""

    one_rate = True

    def __init__(self, names: Mapping[str, tuple[int, ...]], n_steps: int, inner_lr: float) -> None:
        super().__init__()
        check_rate(inner_lr)
        self.rates = nn.ParameterDict({_key(name): torch.full((n_steps,), inner_lr) for name in names})

    def step(
        self, step: int, parameters: Parameters, gradients: Parameters, memory: Parameters
    ) -> tuple[Parameters, Parameters]:
        """Move against the gradient at the step's rates; see `UpdateRule.step`."""
        return {name: start - self.rates[_key(name)][step] * gradients[name] for name, start in parameters.items()}, {}


class LearnedRule(nn.Module):
    """A small network that weighs the gradient and its running average, number by number.

        m <- decay m + (1 - decay) g;    (a, b) = network(g, m);    step = inner_lr ((1 + a) g + b m)

    Args:
        inner_lr: Rate it starts with.
        hidden: Width of the network's one hidden layer.
        decay: Of the running average, 0 to below 1.
        seed: Of the network's first layer; its last starts at zero, so that the rule starts as gradient descent.
    Reference: Andrychowicz et al. 2016, "Learning to learn by gradient descent by gradient descent", arXiv:1606.04474.
    """

    one_rate = False

    def __init__(self, inner_lr: float, *, hidden: int, decay: float, seed: int) -> None:
        super().__init__()
        if hidden < 1 or not 0 <= decay < 1:
            raise ConfigError(
                f"learned update: expected hidden of at least 1 and decay from 0 to below 1, got {hidden} and {decay}."
            )
        self.inner_lr, self.decay = check_rate(inner_lr), decay
        generator = torch.Generator().manual_seed(seed)
        self.inward = nn.Parameter(torch.randn(4, hidden, generator=generator) / 2)
        self.inward_bias = nn.Parameter(torch.zeros(hidden))
        self.outward = nn.Parameter(torch.zeros(hidden, 2))

    def step(
        self, step: int, parameters: Parameters, gradients: Parameters, memory: Parameters
    ) -> tuple[Parameters, Parameters]:
        """Move by the network's mixture of gradient and average; see `UpdateRule.step`."""
        after, average = {}, {}
        for name, start in parameters.items():
            gradient = gradients[name]
            average[name] = (1 - self.decay) * gradient + (self.decay * memory[name] if name in memory else 0)
            # As in the paper, gradients do not flow through what the network sees, only through what it weighs.
            seen = torch.cat([_describe(gradient.detach()), _describe(average[name].detach())], dim=-1)
            weights = torch.tanh(seen @ self.inward + self.inward_bias) @ self.outward
            mixed = (1 + weights[..., 0]) * gradient + weights[..., 1] * average[name]
            after[name] = start - self.inner_lr * mixed
        return after, average


def check_rate(inner_lr: float) -> float:
    """Return the rate of the inner loop.

    Raises:
        ConfigError: it is not over 0.
    """
    if not inner_lr > 0:
        raise ConfigError(f"inner_lr: expected a number over 0, got {inner_lr}. Raise it.")
    return inner_lr


def _describe(gradient: Float[Tensor, "*shape"], p: float = 10.0) -> Float[Tensor, "*shape 2"]:
    """Log magnitude and sign of each number, -1..1, the paper's appendix A: gradients differ by orders of magnitude."""
    size = gradient.abs()
    large = size >= torch.e**-p
    log_size = torch.where(large, size.clamp(min=torch.e**-p).log() / p, -1.0)
    sign = torch.where(large, gradient.sign(), torch.e**p * gradient)
    return torch.stack([log_size, sign], dim=-1)


def _key(name: str) -> str:
    # A module's parameters may have no dot in their names.
    return name.replace(".", "/")
