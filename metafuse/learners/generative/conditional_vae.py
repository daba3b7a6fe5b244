"""Feature hallucination with a conditional variational autoencoder, for any other learner.

    ELBO of a query x of class c given the support mean m_c, both in units r of `hallucination`:
    log p(x | m, z) = -|x - m - g(m, z)|^2 / (2 s^2),    q(z | x, m) = N(mu(x - m, m), diag sigma^2(x - m, m))
    loss = query loss of the wrapped learner on the support with generated features
           + elbo_weight / dim * mean [ |x - m - g|^2 / (2 s^2) + KL(q || N(0, 1)) ]

So the generator learns what queries look like around the mean of few items: the spread within a class, and where the
class mean is likely to be, given that few items miss it.

Deviations: the decoder writes a residual around the support mean that starts at zero (Delta-encoder encodes the
difference of two items); s^2 is half the mean squared deviation of the batch, so that the latent takes the
directions with more than that and nothing depends on the scale of the features; generated features are the
decoder's means without that noise, since it would only add isotropic spread; the generator also gets the wrapped
learner's loss, as in Wang et al.; gradients of the ELBO do not reach the backbone.

Measured over 600 episodes of unseen classes, inductive, in points against nearest prototype (cosine) on the same frozen
features, with the 95 % interval of the paired difference; one checkpoint for both shots, trained on 1 and 5 shots with
an identity backbone: CLINC150, 7 domains -> 45 intents of travel, work and meta; CLINC150 without banking and credit
cards -> BANKING77; handwritten digits 0-3 -> 6-9 (216 profile correlations).

    test                    1 shot            5 shots
    CLINC150, 45-way       +0.55 +- 0.07      +0.11 +- 0.03
    BANKING77, 77-way      +0.27 +- 0.05      +0.06 +- 0.02
    digits, 4-way          +2.14 +- 0.41      +0.81 +- 0.14

Around prototypes it helps on all three, most at 1 shot; on three other domains (banking, home, small talk) it won 0.67
and 0.11. Prototypes see only the mean of the generated features: what helps is where they move it, not their spread.
The ELBO is what carries over to another source: without it (elbo_weight=0) CLINC150 gained more, 1.18 +- 0.11 and
0.33 +- 0.05, but BANKING77 lost 1.03 +- 0.10 and 0.21 +- 0.05.

Reference: Kingma and Welling 2014, arXiv:1312.6114, eq. 10; Sohn, Lee, Yan 2015, "Learning Structured Output
Representation using Deep Conditional Generative Models", NeurIPS; Schwartz et al. 2018, "Delta-encoder",
arXiv:1806.04734; Wang, Girshick, Hebert, Hariharan 2018, "Low-Shot Learning from Imaginary Data", arXiv:1801.05401.
"""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from metafuse.backbones.initialisation import build_linear
from metafuse.episodes.batch import EpisodeBatch, Items, Support
from metafuse.errors import ConfigError
from metafuse.learners.episodic import State, embed_items
from metafuse.learners.generative.hallucination import SupportHallucinator, embedding_dim

NOISE_SHARE = 0.5
"""Of the mean squared deviation from the support mean; what the latent may leave unexplained."""


class ConditionalVaeLearner(nn.Module):
    """Trains a backbone, another learner and an autoencoder that adds features to its support sets.

    Args:
        backbone: Embeds items.
        learner: Name of the learner that gets the support sets; one that does not adapt its backbone.
        learner_options: Its options.
        n_generated: Features generated a class; 0 leaves the learner as it is.
        generated_weight: Of each generated feature, where a labelled row counts 1; over 0, up to 1.
        elbo_weight: Of the ELBO in the loss; 0 or more.
        n_noise: Length of the latent.
        hidden: Width of encoder and generator.
        dim: Length of the embeddings; None for the backbone's, or 384 where that depends on the source. Embeddings of
            another length get no generated features.
        seed: Of the first weights and of the noise.
    Raises:
        ConfigError: an option out of its range, or a learner that is not known or adapts its backbone.
    """

    adapts_backbone = False

    def __init__(
        self,
        backbone: nn.Module,
        *,
        learner: str = "prototypical",
        learner_options: Mapping[str, Any] | None = None,
        n_generated: int = 8,
        generated_weight: float = 0.125,
        elbo_weight: float = 1.0,
        n_noise: int = 32,
        hidden: int = 128,
        dim: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if elbo_weight < 0:
            raise ConfigError(f"elbo_weight: expected 0 or more, got {elbo_weight}. 1 is usual.")
        self.backbone = backbone
        self.elbo_weight = elbo_weight
        dim = embedding_dim(backbone, dim)
        self.hallucinator = SupportHallucinator(
            dim, learner, learner_options,
            n_generated=n_generated, generated_weight=generated_weight, n_noise=n_noise, hidden=hidden, seed=seed,
        )  # fmt: skip
        random = torch.Generator().manual_seed(seed + 1)
        self.encoder = nn.Sequential(
            build_linear(2 * dim, hidden, random), nn.GELU(), build_linear(hidden, 2 * n_noise, random)
        )

    def adapt(self, support: Support) -> State:
        """Adapt the wrapped learner to the support set and the features generated for it."""
        return self.hallucinator.adapt(embed_items(self.backbone, support.items), support)

    def logits(self, state: State, query: Items) -> Float[Tensor, "n_tasks n_query n_way"]:
        """Score query items as the wrapped learner does."""
        return self.hallucinator.learner.logits(state, embed_items(self.backbone, query))

    def loss(self, batch: EpisodeBatch) -> tuple[Float[Tensor, ""], Float[Tensor, "n_tasks n_query n_way"]]:
        """Query loss of the wrapped learner, and the ELBO of the query features."""
        return self.hallucinator.loss(self.backbone, batch, weight=self.elbo_weight, term=self._negative_elbo)

    def _negative_elbo(
        self,
        residual: Float[Tensor, "n_tasks n_query dim"],
        own: Float[Tensor, "n_tasks n_query dim"],
        there: Bool[Tensor, "n_tasks n_query"],
        random: torch.Generator,
    ) -> Float[Tensor, ""]:
        middle, log_variance = self.encoder(torch.cat([residual, own], dim=-1)).chunk(2, dim=-1)
        drawn = torch.randn(middle.shape, generator=random).to(middle)
        latent = middle + drawn * (0.5 * log_variance).exp()
        missed = residual - self.hallucinator.generator(own, latent)
        noise = NOISE_SHARE * residual[there].square().mean().clamp(min=1e-12)
        divergence = 0.5 * (middle.square() + log_variance.exp() - 1 - log_variance).sum(dim=-1)
        terms = missed.square().sum(dim=-1) / (2 * noise) + divergence
        return terms[there].mean() / residual.shape[-1]
