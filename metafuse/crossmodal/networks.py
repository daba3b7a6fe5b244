"""Networks of one hidden layer: trained with torch, kept and used as numpy arrays."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from metafuse.crossmodal.base import Codes
from metafuse.crossmodal.hiding import give, hide_blocks, masked_input, take_codes

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

BATCH = 128
WEIGHT_DECAY = 1e-2


@dataclass(frozen=True)
class Network:
    """A trained network, relu(x W + b) V + c."""

    inner: Float[np.ndarray, "n_in hidden"]
    inner_bias: Float[np.ndarray, " hidden"]
    outer: Float[np.ndarray, "hidden n_out"]
    outer_bias: Float[np.ndarray, " n_out"]

    def forward(self, x: Float[np.ndarray, "n n_in"]) -> Float[np.ndarray, "n n_out"]:
        """Apply it to rows."""
        return np.maximum(x @ self.inner + self.inner_bias, 0) @ self.outer + self.outer_bias


def build_network(n_in: int, hidden: int, n_out: int, generator: "Generator") -> "nn.Sequential":
    """Build a network to train; its outputs start near zero."""
    import torch
    from torch import nn

    from metafuse.backbones.initialisation import build_linear

    inner, outer = build_linear(n_in, hidden, generator), build_linear(hidden, n_out, generator)
    with torch.no_grad():
        outer.weight.mul_(0.1)
    return nn.Sequential(inner, nn.ReLU(), outer)


def freeze_network(network: "nn.Sequential") -> Network:
    """Copy the weights of a trained network."""
    inner, inner_bias, outer, outer_bias = (each.detach().cpu().numpy() for each in network.parameters())
    return Network(np.ascontiguousarray(inner.T), inner_bias, np.ascontiguousarray(outer.T), outer_bias)


@dataclass(frozen=True)
class Batch:
    """Rows with a part of their blocks given, as tensors.

    Args:
        values: Of all blocks; zero where a block is absent.
        condition: Values of the given blocks, and which these are.
        given: Which values are given.
        hidden: Which are there and not given.
        hidden_blocks: Which blocks are.
    """

    values: "Tensor"
    condition: "Tensor"
    given: "Tensor"
    hidden: "Tensor"
    hidden_blocks: "Tensor"


def draw_batch(codes: Codes, rows: Int[np.ndarray, " batch"], random: np.random.Generator) -> Batch:
    """Take rows and draw which of their blocks are given."""
    import torch

    batch = take_codes(codes, rows)
    part = give(batch, hide_blocks(batch, random))
    rest = batch.present & ~part.present
    arrays = (batch.values, masked_input(part.values, part.present), part.known, batch.known & ~part.known, rest)
    return Batch(*(torch.from_numpy(array) for array in arrays))


def minimise(
    parameters: "Sequence[Tensor]",
    loss_of: "Callable[[Int[np.ndarray, ' batch'], np.random.Generator], Tensor]",
    n_rows: int,
    *,
    steps: int,
    lr: float,
    seed: int,
) -> None:
    """Train parameters in place by AdamW, the step length falling to zero along half a cosine.

    Args:
        parameters: What is trained.
        loss_of: Loss of a batch, given its rows and what draws noise.
        n_rows: Number of rows batches are drawn from.
        steps: Number of batches.
        lr: First step length.
        seed: Of batches and noise.
    """
    import torch

    random = np.random.default_rng(seed)
    optimiser = torch.optim.AdamW(parameters, lr=lr, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        rows = random.permutation(n_rows)[:BATCH]
        optimiser.zero_grad()
        loss_of(rows, random).backward()
        optimiser.step()
        schedule.step()
