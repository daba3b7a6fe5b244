"""Conditional variational autoencoder: what the absent blocks may be, given the blocks that are there.

    log p(x | g) >= E_q(z | x, g) log p(x | g, z) - KL(q(z | x, g) || N(0, 1)),    p(x | g, z) = N(decoder(g, z), s^2)

g is the given blocks and which these are. What is filled in is the decoder at z = 0; `draw` takes z from the prior.

Deviations: a part of the blocks drawn anew for each row of each batch is the condition, so that one network serves
every pattern of gaps; the prior does not depend on the condition (the paper's choice for its simplest model); s^2 is
fixed at half the variance of a code; half of each batch is decoded from z = 0, as filling does (the paper's Gaussian
stochastic network, eq. 7, to the same end).

Reference: Sohn, Lee, Yan 2015, "Learning Structured Output Representation using Deep Conditional Generative Models",
NeurIPS, eq. 4 and 7.
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

NOISE = 0.5
"""Variance of what the decoder leaves unexplained, in that of a code."""


@dataclass(frozen=True)
class CvaeTranslator:
    """Decodes the given blocks with a latent.

    Args:
        decoder: Given blocks, which these are, and the latent, to all blocks.
        n_latent: Length of the latent.
    """

    decoder: Network
    n_latent: int

    def predict(self, codes: Codes) -> Float[np.ndarray, "n dim"]:
        """Predict all blocks with the likeliest latent."""
        return self._decode(codes, np.zeros((len(codes.values), self.n_latent), dtype=np.float32))

    def draw(self, codes: Codes, *, seed: int) -> Float[np.ndarray, "n dim"]:
        """Draw all blocks, with a latent from the prior for each item."""
        return self._decode(codes, _normal(np.random.default_rng(seed), len(codes.values), self.n_latent))

    def _decode(self, codes: Codes, latent: Float[np.ndarray, "n n_latent"]) -> Float[np.ndarray, "n dim"]:
        condition = masked_input(codes.values, codes.present)
        return self.decoder.forward(np.concatenate([condition, latent], axis=1)).astype(np.float32)


def fit_cvae(
    codes: Codes, *, seed: int, n_latent: int = 32, hidden: int = 256, steps: int = 300, lr: float = 3e-3
) -> CvaeTranslator:
    """Train it.

    Args:
        codes: Rows of the source.
        seed: Of the first weights, the batches and the noise.
        n_latent: Length of the latent.
        hidden: Width of the networks.
        steps: Batches.
        lr: First step length.
    """
    import torch

    dim, n_blocks = codes.values.shape[1], len(codes.sizes)
    generator = torch.Generator().manual_seed(seed)
    encoder = build_network(2 * dim + n_blocks, hidden, 2 * n_latent, generator)
    decoder = build_network(dim + n_blocks + n_latent, hidden, dim, generator)

    def loss_of(rows: np.ndarray, random: np.random.Generator) -> "Tensor":
        batch = draw_batch(codes, rows, random)
        known = batch.given | batch.hidden
        mean, log_variance = encoder(torch.cat([batch.values, batch.condition], dim=1)).chunk(2, dim=1)
        noise = torch.from_numpy(_normal(random, len(rows), n_latent))
        latent = mean + noise * (0.5 * log_variance).exp()
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1)
        errors = [
            ((decoder(torch.cat([batch.condition, each], dim=1)) - batch.values).square() * known).sum(dim=1)
            for each in (latent, torch.zeros_like(latent))
        ]
        return (sum(errors, torch.zeros(())) / (2 * NOISE) + divergence).mean() / dim

    minimise([*encoder.parameters(), *decoder.parameters()], loss_of, len(codes.values), steps=steps, lr=lr, seed=seed)
    return CvaeTranslator(freeze_network(decoder), n_latent)


def _normal(random: np.random.Generator, n: int, n_latent: int) -> Float[np.ndarray, "n n_latent"]:
    return random.standard_normal((n, n_latent), dtype=np.float32)
