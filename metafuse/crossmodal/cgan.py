"""Conditional generative adversarial network: writes the absent blocks, judged beside the blocks that are there.

    min_G max_D  E log D(x | g) + E log(1 - D(G(g, n) | g)) ,    n ~ N(0, 1),    plus w |x - G(g, n)|^2

g is the given blocks and which these are. What is filled in is the mean of G over `N_DRAWS` stored draws of noise.

Deviations: a part of the blocks drawn anew for each row of each batch is the condition; the squared error keeps the
generator to its pairs (Pathak et al. 2016 and Isola et al. 2017, who take the absolute one for pictures); loss and
penalty of the game are those of `adversarial_game`. Known values the generator need not write are put in their place
before they are judged.

Reference: Mirza and Osindero 2014, "Conditional Generative Adversarial Nets", arXiv:1411.1784, eq. 2; Isola, Zhu,
Zhou, Efros 2017, "Image-to-Image Translation with Conditional Adversarial Networks", arXiv:1611.07004, eq. 4.
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

N_DRAWS = 8


@dataclass(frozen=True)
class CganTranslator:
    """Writes blocks from the given ones and noise.

    Args:
        generator: Given blocks, which these are, and noise, to all blocks.
        noise: The draws that predictions average.
    """

    generator: Network
    noise: Float[np.ndarray, "n_draws n_noise"]

    def predict(self, codes: Codes) -> Float[np.ndarray, "n dim"]:
        """Predict all blocks as the mean over the stored noise."""
        shape = (len(codes.values), self.noise.shape[1])
        drawn = [self._write(codes, np.broadcast_to(noise, shape)) for noise in self.noise]
        return np.stack(drawn).mean(axis=0)

    def draw(self, codes: Codes, *, seed: int) -> Float[np.ndarray, "n dim"]:
        """Draw all blocks, with noise of its own for each item."""
        shape = (len(codes.values), self.noise.shape[1])
        return self._write(codes, np.random.default_rng(seed).standard_normal(shape, dtype=np.float32))

    def _write(self, codes: Codes, noise: Float[np.ndarray, "n n_noise"]) -> Float[np.ndarray, "n dim"]:
        condition = masked_input(codes.values, codes.present)
        return self.generator.forward(np.concatenate([condition, noise], axis=1)).astype(np.float32)


def fit_cgan(
    codes: Codes,
    *,
    seed: int,
    n_noise: int = 16,
    hidden: int = 256,
    paired_weight: float = 10.0,
    steps: int = 300,
    lr: float = 2e-3,
) -> CganTranslator:
    """Train it.

    Args:
        codes: Rows of the source.
        seed: Of the first weights, the batches and the noise.
        n_noise: Length of the noise.
        hidden: Width of the networks.
        paired_weight: Of the mean squared error, 0 or more; at 0 only the judge ties what is written to the row.
        steps: Batches.
        lr: First step length.
    """
    import torch

    from metafuse.crossmodal.judge import Judge
    from metafuse.learners.generative.adversarial_game import play_game

    dim, n_blocks = codes.values.shape[1], len(codes.sizes)
    weights = torch.Generator().manual_seed(seed)
    generator = build_network(dim + n_blocks + n_noise, hidden, dim, weights)
    judge = Judge(2 * dim + n_blocks, hidden, weights)

    def loss_of(rows: np.ndarray, random: np.random.Generator) -> "Tensor":
        batch = draw_batch(codes, rows, random)
        noise = torch.from_numpy(random.standard_normal((len(rows), n_noise), dtype=np.float32))
        written = torch.where(batch.hidden, generator(torch.cat([batch.condition, noise], dim=1)), batch.values)
        counts = batch.hidden.any(dim=1)
        counts[0] = True  # a batch in which nothing is hidden has no mean
        game = play_game(judge, (batch.values, batch.condition), (written, batch.condition), counts)
        return game + paired_weight * (written - batch.values).square().sum() / batch.hidden.sum().clamp(min=1)

    trained = [*generator.parameters(), *judge.parameters()]
    minimise(trained, loss_of, len(codes.values), steps=steps, lr=lr, seed=seed)
    stored = np.random.default_rng(seed).standard_normal((N_DRAWS, n_noise), dtype=np.float32)
    return CganTranslator(freeze_network(generator), stored)
