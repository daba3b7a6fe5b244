"""Cycle-consistent generative adversarial network: writes the blocks a row lacks, and from these the ones it had.

    loss = game(D(x_h), D(G(x_g)_h)) + c |G(G(x_g)_h)_g - x_g|^2 + p |G(x_g)_h - x_h|^2

g is the given part of a row's blocks and h the rest. D sees only h, so the game alone needs no pairs; writing g again
from what was written makes G keep what tells rows apart.

Deviations: one network G with the pattern of blocks as an input takes the place of one generator a direction, since
every pattern of gaps is a direction of its own; one judge likewise; squared in place of absolute errors; the game is
that of `adversarial_game` and not least squares; p > 0 uses the pairs, which the paper does without. With p = 0 it is
the paper's unpaired setting, in which what is written has the right spread but seldom belongs to the row.

Reference: Zhu, Park, Isola, Efros 2017, "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
Networks", arXiv:1703.10593, eq. 1 to 3.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from metafuse.crossmodal.base import Codes
from metafuse.crossmodal.hiding import masked_input
from metafuse.crossmodal.networks import Network, build_network, draw_batch, freeze_network, minimise

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class CycleGanTranslator:
    """Writes blocks from the given ones.

    Args:
        generator: Given blocks and which these are, to all blocks.
    """

    generator: Network

    def predict(self, codes: Codes) -> Float[np.ndarray, "n dim"]:
        """Predict all blocks."""
        return self.generator.forward(masked_input(codes.values, codes.present)).astype(np.float32)


def fit_cycle_gan(
    codes: Codes,
    *,
    seed: int,
    hidden: int = 256,
    cycle_weight: float = 3.0,
    paired_weight: float = 10.0,
    steps: int = 300,
    lr: float = 2e-3,
) -> CycleGanTranslator:
    """Train it.

    Args:
        codes: Rows of the source.
        seed: Of the first weights and the batches.
        hidden: Width of the networks.
        cycle_weight: Of the mean squared error of the given blocks written again, 0 or more.
        paired_weight: Of the mean squared error of the hidden blocks, 0 or more.
        steps: Batches.
        lr: First step length.
    """
    import torch

    from metafuse.crossmodal.judge import Judge
    from metafuse.learners.generative.adversarial_game import play_game

    dim, n_blocks = codes.values.shape[1], len(codes.sizes)
    weights = torch.Generator().manual_seed(seed)
    generator = build_network(dim + n_blocks, hidden, dim, weights)
    judge = Judge(dim + n_blocks, hidden, weights)

    def loss_of(rows: np.ndarray, random: np.random.Generator) -> "Tensor":
        batch = draw_batch(codes, rows, random)
        rest = batch.hidden_blocks.float()
        written = generator(batch.condition) * batch.hidden
        again = generator(torch.cat([written, rest], dim=1))
        counts = batch.hidden_blocks.any(dim=1)
        counts[0] = True  # a batch in which nothing is hidden has no mean
        game = play_game(judge, (batch.values * batch.hidden, rest), (written, rest), counts)
        cycle = _mean_error(again, batch.values, batch.given & counts[:, None])
        return game + cycle_weight * cycle + paired_weight * _mean_error(written, batch.values, batch.hidden)

    trained = [*generator.parameters(), *judge.parameters()]
    minimise(trained, loss_of, len(codes.values), steps=steps, lr=lr, seed=seed)
    return CycleGanTranslator(freeze_network(generator))


def _mean_error(written: "Tensor", values: "Tensor", counts: "Tensor") -> "Tensor":
    return ((written - values).square() * counts).sum() / counts.sum().clamp(min=1)
