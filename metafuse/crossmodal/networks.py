"""Networks of one hidden layer: trained with torch, kept and used as numpy arrays."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
class Stack:
    """Networks to train side by side, as one product each layer: many small ones cost mostly the calls.

    Args:
        inner: Of each network; rows beyond its own inputs are zero and stay it.
        inner_bias: Of each.
        outer: Of each.
        outer_bias: Of each.
    """

    inner: "Tensor"
    inner_bias: "Tensor"
    outer: "Tensor"
    outer_bias: "Tensor"

    def parameters(self) -> "list[Tensor]":
        """What is trained."""
        return [self.inner, self.inner_bias, self.outer, self.outer_bias]

    def inputs(self, blocks: Sequence[Float[np.ndarray, "n _"]]) -> "Tensor":
        """Inputs of each network, padded with zeros to (n_networks, n, n_in)."""
        import torch

        padded = np.zeros((len(blocks), len(blocks[0]), self.inner.shape[1]), dtype=np.float32)
        for place, block in enumerate(blocks):
            padded[place, :, : block.shape[1]] = block
        return torch.from_numpy(padded)

    def forward(self, x: "Tensor") -> "Tensor":
        """Apply each network to its own rows."""
        hidden = self.inner_bias.baddbmm(x, self.inner).relu()
        return self.outer_bias.baddbmm(hidden, self.outer)

    def freeze(self, sizes: Sequence[int]) -> tuple[Network, ...]:
        """Copy the weights of the trained networks, given the number of inputs of each."""
        inner, inner_bias, outer, outer_bias = (each.detach().cpu().numpy() for each in self.parameters())
        return tuple(
            Network(inner[place, :size].copy(), inner_bias[place, 0].copy(), outer[place].copy(), outer_bias[place, 0])
            for place, size in enumerate(sizes)
        )


def stack_networks(networks: "Sequence[nn.Sequential]") -> Stack:
    """Stack networks that differ in the number of inputs only."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    weights = [[each.detach() for each in network.parameters()] for network in networks]
    inner, inner_bias, outer, outer_bias = zip(*weights, strict=True)
    tensors = (
        pad_sequence([weight.T for weight in inner], batch_first=True),
        torch.stack(inner_bias)[:, None],
        torch.stack([weight.T for weight in outer]),
        torch.stack(outer_bias)[:, None],
    )
    return Stack(*(tensor.contiguous().requires_grad_() for tensor in tensors))


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Let torch use one thread inside.

    The products of a step are small: sharing them out gains little on idle cores, and on busy ones every step waits
    for the slowest thread.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


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
    optimiser = torch.optim.AdamW(parameters, lr=lr, weight_decay=WEIGHT_DECAY, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    with one_torch_thread():
        for _ in range(steps):
            rows = random.permutation(n_rows)[:BATCH]
            optimiser.zero_grad()
            loss_of(rows, random).backward()
            optimiser.step()
            schedule.step()
