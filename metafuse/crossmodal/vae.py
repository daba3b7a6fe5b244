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
from metafuse.crossmodal.networks import Network, build_network, freeze_network, minimise

if TYPE_CHECKING:
    from torch import Tensor, nn

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
    encoders = [build_network(size, hidden, 2 * n_latent, generator) for size in codes.sizes]
    decoder = build_network(n_latent, hidden, codes.values.shape[1], generator)

    def loss_of(rows: np.ndarray, random: np.random.Generator) -> "Tensor":
        batch = take_codes(codes, rows)
        noise = torch.from_numpy(random.standard_normal((len(rows), n_latent), dtype=np.float32))
        parts = (batch.present, hide_blocks(batch, random))
        return sum(
            (_negative_elbo(encoders, decoder, batch, given, noise=noise, beta=beta) for given in parts),
            torch.zeros(()),
        )

    parameters = [each for network in (*encoders, decoder) for each in network.parameters()]
    minimise(parameters, loss_of, len(codes.values), steps=steps, lr=lr, seed=seed)
    return VaeTranslator(tuple(freeze_network(encoder) for encoder in encoders), freeze_network(decoder))


def _negative_elbo(
    encoders: "list[nn.Sequential]",
    decoder: "nn.Sequential",
    codes: Codes,
    given: np.ndarray,
    *,
    noise: "Tensor",
    beta: float,
) -> "Tensor":
    import torch

    values, known = torch.from_numpy(codes.values), torch.from_numpy(codes.known)
    weighted, total = torch.zeros_like(noise), torch.ones_like(noise)
    for block, (span, encoder) in enumerate(zip(spans(codes.sizes), encoders, strict=True)):
        mean, log_precision = encoder(values[:, span]).chunk(2, dim=1)
        precision = log_precision.exp() * torch.from_numpy(given[:, block, None])
        weighted, total = weighted + precision * mean, total + precision
    mean = weighted / total
    missed = (decoder(mean + noise / total.sqrt()) - values).square() * known
    divergence = 0.5 * (mean.square() + 1 / total - 1 + total.log()).sum(dim=1)
    return (missed.sum(dim=1) / (2 * NOISE) + beta * divergence).mean() / codes.values.shape[1]
