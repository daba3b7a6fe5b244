"""Feature hallucination with a conditional generative adversarial network, for any other learner.

    loss = query loss of the wrapped learner on the support with generated features
           + adversarial_weight * game( D(x - m, m) of queries x, D(g(m, z), m) of generated residuals )

m is the support mean of the class, g as in `hallucination`. The discriminator learns how queries lie around the mean of
few items, and the generator follows. A single optimiser minimises the loss: the game's terms for either side carry
opposite signs, see `adversarial_game`.

Deviations: the generator writes a residual around the support mean that starts at zero; the loss of the first GAN
with an R1 penalty in place of the Wasserstein loss with a penalty between real and generated features; residuals reach
the discriminator in units of the batch's root mean square; the condition is the support mean and not an attribute
vector; the generator also gets the wrapped learner's loss; gradients of the game do not reach the backbone.

Measured over 600 episodes of unseen classes, inductive, in points against nearest prototype (cosine) on the same frozen
features, with the 95 % interval of the paired difference; one checkpoint for both shots, trained on 1 and 5 shots with
an identity backbone: CLINC150, 7 domains -> 45 intents of travel, work and meta; CLINC150 without banking and credit
cards -> BANKING77; handwritten digits 0-3 -> 6-9 (216 profile correlations).

    test                    1 shot            5 shots
    CLINC150, 45-way       +0.31 +- 0.06      -0.01 +- 0.02
    BANKING77, 77-way      -0.01 +- 0.04      -0.04 +- 0.02
    digits, 4-way          +0.18 +- 0.14      +0.07 +- 0.06

It helps at 1 shot within a source and not on another one, where it lost a trifle at 5 shots. The autoencoder
(`conditional_vae`) did better on all three.

Reference: Mirza and Osindero 2014, "Conditional Generative Adversarial Nets", arXiv:1411.1784; Xian, Sharma, Schiele,
Akata 2019, "f-VAEGAN-D2", arXiv:1903.10132; Wang, Girshick, Hebert, Hariharan 2018, "Low-Shot Learning from Imaginary
Data", arXiv:1801.05401.
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
from metafuse.learners.generative.adversarial_game import play_game
from metafuse.learners.generative.hallucination import SupportHallucinator, embedding_dim


class ConditionalGanLearner(nn.Module):
    """Trains a backbone, another learner, a generator that adds features to its support sets and a discriminator.

    Args:
        backbone: Embeds items.
        learner: Name of the learner that gets the support sets; one that does not adapt its backbone.
        learner_options: Its options.
        n_generated: Features generated a class; 0 leaves the learner as it is.
        generated_weight: Of each generated feature, where a labelled row counts 1; over 0, up to 1.
        adversarial_weight: Of the game in the loss; 0 or more.
        n_noise: Length of the noise.
        hidden: Width of generator and discriminator.
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
        adversarial_weight: float = 0.3,
        n_noise: int = 32,
        hidden: int = 128,
        dim: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if adversarial_weight < 0:
            raise ConfigError(f"adversarial_weight: expected 0 or more, got {adversarial_weight}. 0.3 is usual.")
        self.backbone = backbone
        self.adversarial_weight = adversarial_weight
        dim = embedding_dim(backbone, dim)
        self.hallucinator = SupportHallucinator(
            dim, learner, learner_options,
            n_generated=n_generated, generated_weight=generated_weight, n_noise=n_noise, hidden=hidden, seed=seed,
        )  # fmt: skip
        self.discriminator = FeatureDiscriminator(dim, hidden, torch.Generator().manual_seed(seed + 1))

    def adapt(self, support: Support) -> State:
        """Adapt the wrapped learner to the support set and the features generated for it."""
        return self.hallucinator.adapt(embed_items(self.backbone, support.items), support)

    def logits(self, state: State, query: Items) -> Float[Tensor, "n_tasks n_query n_way"]:
        """Score query items as the wrapped learner does."""
        return self.hallucinator.learner.logits(state, embed_items(self.backbone, query))

    def loss(self, batch: EpisodeBatch) -> tuple[Float[Tensor, ""], Float[Tensor, "n_tasks n_query n_way"]]:
        """Query loss of the wrapped learner, and the game over the query features."""
        return self.hallucinator.loss(self.backbone, batch, weight=self.adversarial_weight, term=self._play)

    def _play(
        self,
        residual: Float[Tensor, "n_tasks n_query dim"],
        own: Float[Tensor, "n_tasks n_query dim"],
        there: Bool[Tensor, "n_tasks n_query"],
        random: torch.Generator,
    ) -> Float[Tensor, ""]:
        spread = residual[there].square().mean().clamp(min=1e-12).sqrt()
        noise = torch.randn((*there.shape, self.hallucinator.n_noise), generator=random).to(residual)
        generated = self.hallucinator.generator(own, noise)
        return play_game(self.discriminator, (residual / spread, own), (generated / spread, own), there)


class FeatureDiscriminator(nn.Module):
    """Tells residuals of real features from generated ones; up = real.

    Args:
        dim: Length of a feature vector.
        hidden: Width.
        generator: Draws the first weights.
    """

    def __init__(self, dim: int, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            build_linear(2 * dim, hidden, generator),
            nn.LeakyReLU(0.2),
            build_linear(hidden, hidden, generator),
            nn.LeakyReLU(0.2),
            build_linear(hidden, 1, generator),
        )

    def forward(
        self, residual: Float[Tensor, "*batch dim"], means: Float[Tensor, "*batch dim"]
    ) -> Float[Tensor, "*batch"]:
        """Judge residuals around support means."""
        return self.layers(torch.cat([residual, means], dim=-1)).squeeze(-1)
