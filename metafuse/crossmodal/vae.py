"""Multimodal variational autoencoder: one latent for all blocks, the product of what each of them says.

    q(z | x_given) = N(0, 1) prod_b N(mu_b(x_b), 1 / t_b(x_b)),    precision 1 + sum t_b,  mean sum t_b mu_b / precision
    ELBO(x, given) = E_q log p(x | z) - beta KL(q(z | x_given) || N(0, 1)),    p(x | z) = N(decoder(z), s^2)
    loss = - mean [ ELBO(x, all blocks) + ELBO(x, some blocks) ]

A block an item lacks is left out of the product, and its values out of the likelihood; what is filled in is the
decoder at the mean of the latent.

Deviations: the second term reconstructs all blocks of the row from a random part of them, where the paper
reconstructs that part and adds each block alone: filling is what it is for; s^2 is fixed at half the variance of a
code; one decoder writes all blocks; blocks are the principal directions of features, not raw values.

Reference: Wu and Goodman 2018, "Multimodal Generative Models for Scalable Weakly-Supervised Learning",
arXiv:1802.05335, eq. 3 to 5.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from metafuse.crossmodal.base import Codes, spans
from metafuse.crossmodal.hiding import hide_blocks, take_codes
from metafuse.crossmodal.networks import Network, build_network, freeze_network, minimise, stack_networks

if TYPE_CHECKING:
    from torch import Tensor

NOISE = 0.5
"""Variance of what the decoder leaves unexplained, in that of a code."""


@dataclass(frozen=True)
class VaeTranslator:
    """Decodes the latent that the given blocks agree on.

    Args:
        encoders: Of each block: mean and log precision.
        decoder: Latent to all blocks.
    """

    encoders: tuple[Network, ...]
    decoder: Network

    def predict(self, codes: Codes) -> Float[np.ndarray, "n dim"]:
        """Predict all blocks from the mean of the latent."""
        n_latent = len(self.decoder.inner)
        weighted = np.zeros((len(codes.values), n_latent), dtype=np.float32)
        total = np.ones_like(weighted)
        for block, (span, encoder) in enumerate(zip(spans(codes.sizes), self.encoders, strict=True)):
            mean, log_precision = np.split(encoder.forward(codes.values[:, span]), 2, axis=1)
            precision = np.exp(log_precision) * codes.present[:, block, None]
            weighted, total = weighted + precision * mean, total + precision
        return self.decoder.forward(weighted / total).astype(np.float32)


def fit_vae(
    codes: Codes,
    *,
    seed: int,
    n_latent: int = 64,
    hidden: int = 256,
    beta: float = 0.3,
    steps: int = 300,
    lr: float = 3e-3,
) -> VaeTranslator:
    """Train it.

    Args:
        codes: Rows of the source.
        seed: Of the first weights, the batches and the noise.
        n_latent: Length of the latent.
        hidden: Width of the networks.
        beta: Of the divergence from the prior.
        steps: Batches.
        lr: First step length.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    encoder = stack_networks([build_network(size, hidden, 2 * n_latent, generator) for size in codes.sizes])
    decoder = build_network(n_latent, hidden, codes.values.shape[1], generator)
    blocks = encoder.inputs([codes.values[:, span] for span in spans(codes.sizes)])
    values, known = torch.from_numpy(codes.values), torch.from_numpy(codes.known.astype(np.float32))

    def loss_of(rows: np.ndarray, random: np.random.Generator) -> "Tensor":
        noise = torch.from_numpy(random.standard_normal((len(rows), n_latent), dtype=np.float32))
        present = codes.present[rows]
        given = np.stack([present, hide_blocks(take_codes(codes, rows), random)]).transpose(0, 2, 1)[..., None]
        batch = torch.from_numpy(rows)
        mean, precision = _infer(encoder.forward(blocks[:, batch]), torch.from_numpy(given.astype(np.float32)))
        decoded = decoder(mean + noise / precision.sqrt())
        missed = ((decoded - values[batch]).square() * known[batch]).sum(dim=2)
        divergence = 0.5 * (mean.square() + 1 / precision - 1 + precision.log()).sum(dim=2)
        return (missed / (2 * NOISE) + beta * divergence).mean(dim=1).sum() / values.shape[1]

    minimise([*encoder.parameters(), *decoder.parameters()], loss_of, len(values), steps=steps, lr=lr, seed=seed)
    return VaeTranslator(encoder.freeze(codes.sizes), freeze_network(decoder))


def _infer(told: "Tensor", given: "Tensor") -> "tuple[Tensor, Tensor]":
    """Combine what blocks tell.

    Args:
        told: Mean and log precision side by side, (n_blocks, n, 2 * n_latent).
        given: 1 where a block is, in each of several parts of the blocks, (n_parts, n_blocks, n, 1).
    Returns:
        Mean and precision of the latent, (n_parts, n, n_latent).
    """
    mean, log_precision = told.chunk(2, dim=2)
    precision = log_precision.exp() * given
    total = 1 + precision.sum(dim=1)
    return (precision * mean).sum(dim=1) / total, total
