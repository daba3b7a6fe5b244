"""Hallucinated support features: what the conditional VAE and the conditional GAN share.

    x_gen = m_c + r * g(m_c / r, z),    z ~ N(0, 1)

m_c is the mean support embedding of class c, r the root mean square length of the episode's class means over sqrt(dim),
g a network whose last layer starts at zero. The generated features join the support set of another learner with a
weight below 1, so that they count less the more rows there are.

At test z is drawn once from a stored seed, with each draw its opposite, and is the same for all classes and tasks.

g knows the space it was trained in, coordinate by coordinate. A source whose embeddings have another length gets no
generated features: there the wrapped learner works as it does alone, and a warning says so.
"""

import logging
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from metafuse.backbones.initialisation import build_linear
from metafuse.episodes.batch import EpisodeBatch, Support
from metafuse.errors import ConfigError
from metafuse.learners import EPISODIC
from metafuse.learners.episodic import EpisodicLearner, State, class_mask, class_means, embed_batch
from metafuse.learners.generative.noise import draw_mirrored, generator_for
from metafuse.learners.metric.similarity import widen

log = logging.getLogger(__name__)

DEFAULT_DIM = 384
"""Of the default text encoder; for backbones whose dimension depends on the source."""


class FeatureBackbone(nn.Module):
    """Stands in for the backbone of a learner whose items are embeddings already.

    Args:
        dim: Length of the embeddings.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, items: Float[Tensor, "n_items dim"]) -> Float[Tensor, "n_items dim"]:
        """Return the embeddings."""
        return items


class ResidualGenerator(nn.Module):
    """Generates features around class means.

    Args:
        dim: Length of a feature vector.
        n_noise: Length of the noise.
        hidden: Width of the network.
        seed: Of the weights that do not start at zero.
    """

    def __init__(self, dim: int, *, n_noise: int, hidden: int, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.inner = build_linear(dim + n_noise, hidden, generator)
        self.middle = build_linear(hidden, hidden, generator)
        self.outer = build_linear(hidden, dim, generator)
        nn.init.zeros_(self.outer.weight)

    def forward(
        self, means: Float[Tensor, "*batch dim"], noise: Float[Tensor, "*batch n_noise"]
    ) -> Float[Tensor, "*batch dim"]:
        """Generate what is added to the mean, for means and results in units of r."""
        hidden = nn.functional.gelu(self.inner(torch.cat([means, noise], dim=-1)))
        return self.outer(nn.functional.gelu(self.middle(hidden)))


class SupportHallucinator(nn.Module):
    """Adds generated features to support sets, for the learner it holds.

    Args:
        dim: Length of the embeddings; those of another length get no generated features.
        learner: Name of the learner that gets the support sets.
        learner_options: Its options.
        n_generated: Features generated a class; 0 leaves the learner as it is.
        generated_weight: Of each generated feature; 0 to 1.
        n_noise: Length of the noise.
        hidden: Width of the generator.
        seed: Of the generator's first weights and of the noise at test.
    Raises:
        ConfigError: an option out of its range, an unknown learner, or one that adapts its backbone.
    """

    def __init__(
        self,
        dim: int,
        learner: str,
        learner_options: Mapping[str, Any] | None,
        *,
        n_generated: int,
        generated_weight: float,
        n_noise: int,
        hidden: int,
        seed: int,
    ) -> None:
        super().__init__()
        if n_generated < 0 or min(n_noise, hidden) < 1 or not 0 < generated_weight <= 1:
            raise ConfigError(
                "expected n_generated of 0 or more, n_noise and hidden of 1 or more and a generated_weight over 0 and "
                f"up to 1; got {n_generated}, {n_noise}, {hidden} and {generated_weight}."
            )
        self.dim, self.n_generated, self.generated_weight, self.seed = dim, n_generated, generated_weight, seed
        self.learner: EpisodicLearner = EPISODIC.build(learner, FeatureBackbone(dim), **dict(learner_options or {}))
        if self.learner.adapts_backbone:
            raise ConfigError(
                f"learner '{learner}' adapts its backbone, and features are generated after the backbone. "
                "Choose a learner that does not, such as 'prototypical'."
            )
        self.generator = ResidualGenerator(dim, n_noise=n_noise, hidden=hidden, seed=seed)
        self.n_noise = n_noise

    def generates_for(self, embedding: Float[Tensor, "n_tasks n dim"]) -> bool:
        """Whether features are generated beside such embeddings."""
        if self.n_generated > 0 and embedding.shape[-1] != self.dim:
            _say_nothing_is_generated(self.dim, embedding.shape[-1])
        return self.n_generated > 0 and embedding.shape[-1] == self.dim

    def adapt(self, embedding: Float[Tensor, "n_tasks n_support dim"], support: Support) -> State:
        """Adapt the learner to support sets and the features that the stored noise gives them.

        Args:
            embedding: Of the support items.
            support: Classes and weights.
        """
        return self.learner.adapt(self.extend(embedding, support, class_means(embedding, support)))

    def loss(
        self,
        backbone: nn.Module,
        batch: EpisodeBatch,
        *,
        weight: float,
        term: Callable[[Tensor, Tensor, Tensor, torch.Generator], Float[Tensor, ""]],
    ) -> tuple[Float[Tensor, ""], Float[Tensor, "n_tasks n_query n_way"]]:
        """Query loss and logits of the learner on extended support sets, with what trains the generator added.

        Args:
            backbone: Embeds items.
            batch: Episodes.
            weight: Of the term.
            term: Loss of the generator, left out where nothing is generated. It takes query items as residuals of the
                support means of their classes, these means (both in units of r, no gradient), which items are no
                padding, and what draws noise.
        """
        embedding, query = (widen(each) for each in embed_batch(backbone, batch))
        means = class_means(embedding, batch.support)
        random = generator_for(self.seed, embedding)
        extended = self.extend(embedding, batch.support, means, random)
        loss, logits = self.learner.loss(EpisodeBatch(extended, query, batch.query_class_index))
        if self.generates_for(embedding):
            units = unit_lengths(means)
            own = means_of_queries(means.detach(), batch.query_class_index) / units
            loss = loss + weight * term(query.detach() / units - own, own, batch.query_class_index >= 0, random)
        return loss, logits

    def extend(
        self,
        embedding: Float[Tensor, "n_tasks n_support dim"],
        support: Support,
        means: Float[Tensor, "n_tasks n_way dim"],
        random: torch.Generator | None = None,
    ) -> Support:
        """Add generated features to support sets, whose items are embeddings from here on.

        Args:
            embedding: Of the support items.
            support: Classes and weights.
            means: Of each class.
            random: Draws the noise of each class anew; None for the stored noise that all share.
        """
        if not self.generates_for(embedding):
            return Support(embedding, support.class_index, support.weight, support.n_way)
        shape = (*means.shape[:2], self.n_generated, self.n_noise)
        if random is None:
            noise = draw_mirrored(self.n_generated, self.n_noise, self.seed).expand(shape)
        else:
            noise = torch.randn(shape, generator=random)
        units = unit_lengths(means).unsqueeze(1)
        around = means.unsqueeze(2).expand(*shape[:3], means.shape[-1])
        generated = around + units * self.generator(around / units, noise.to(means))
        # (n_tasks, n_way * n_generated)
        index = torch.arange(support.n_way, device=means.device).repeat_interleave(self.n_generated)
        present = class_mask(support)[:, index]
        return Support(
            torch.cat([embedding, generated.flatten(1, 2)], dim=1),
            torch.cat([support.class_index, torch.where(present, index, -1)], dim=1),
            torch.cat([support.weight, present.to(support.weight.dtype) * self.generated_weight], dim=1),
            support.n_way,
        )


@cache
def _say_nothing_is_generated(expected: int, found: int) -> None:
    """Warn once of each pair of lengths."""
    log.warning(
        "no features are generated: the generator is for embeddings of %d dimensions, these have %d. "
        "Build it with dim=%d to train it on them.",
        expected, found, found,
    )  # fmt: skip


def unit_lengths(means: Float[Tensor, "n_tasks n_way dim"]) -> Float[Tensor, "n_tasks 1 1"]:
    """Unit that features of each task are measured in: root mean square of its class means; no gradient."""
    present = means.detach().square().sum(dim=-1)
    n_present = (present > 0).sum(dim=1).clamp(min=1)
    return (present.sum(dim=1) / n_present / means.shape[-1]).clamp(min=1e-12).sqrt()[:, None, None]


def means_of_queries(
    means: Float[Tensor, "n_tasks n_way dim"], class_index: Int[Tensor, "n_tasks n_query"]
) -> Float[Tensor, "n_tasks n_query dim"]:
    """Support mean of each query item's own class; that of class 0 for padding."""
    return means.gather(1, class_index.clamp(min=0).unsqueeze(-1).expand(-1, -1, means.shape[-1]))


def embedding_dim(backbone: nn.Module, dim: int | None) -> int:
    """Find the length of the embeddings that features are generated for.

    Args:
        backbone: Its `dim` is used where it has one: one of columns has none, as it depends on the source.
        dim: The option; None for the backbone's, else `DEFAULT_DIM`.
    Raises:
        ConfigError: it is below 1.
    """
    found = int(getattr(backbone, "dim", DEFAULT_DIM)) if dim is None else dim
    if found < 1:
        raise ConfigError(f"dim: expected the length of the embeddings, 1 or more, got {found}. Leave it out.")
    return found
