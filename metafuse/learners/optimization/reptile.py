"""Reptile: move the start towards where a few gradient steps on a task's items end.

    theta <- theta - outer_lr * mean over tasks of (theta - theta_t)

No query loss is differentiated. The loss here is 1/2 |theta - theta_t|^2 with theta_t held constant, summed over the
numbers and averaged over the tasks, so that its gradient is the direction above and any optimiser takes it; plain
descent at outer_lr is the paper's update. It says how far tasks pull, not how well they are solved.

Deviations: theta_t comes from support and query items together, as training has no use for a split, in whole batches;
a head at zero or at prototypes has no start to learn.

Reference: Nichol, Achiam, Schulman 2018, "On First-Order Meta-Learning Algorithms", arXiv:1803.02999, algorithm 1.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from metafuse.episodes.batch import EpisodeBatch, Items, Support
from metafuse.learners.episodic import State
from metafuse.learners.optimization.gradient_learner import GradientLearner, InnerOptions
from metafuse.learners.optimization.update_rules import Sgd


class ReptileLearner(nn.Module):
    """Learns a start from which gradient steps reach each task; see `InnerOptions` for the options.

    Args:
        backbone: Embeds items.
        inner_steps: Gradient steps, of adaptation and of training alike.
        inner_lr: Their rate.
        head: "prototype", "zero" or "per_class".
        n_way: Of the head "per_class".
        feature_scale: What embeddings are multiplied by before the head.
        chunk_size: Tasks worked on at once.
        seed: Of the head "per_class".
    Raises:
        ConfigError: an option is not one of its values.
    """

    def __init__(
        self,
        backbone: nn.Module,
        *,
        inner_steps: int = 5,
        inner_lr: float = 0.1,
        head: str = "prototype",
        n_way: int | None = None,
        feature_scale: float = 1.0,
        chunk_size: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        options = InnerOptions(
            inner_steps, "all", head, n_way, feature_scale, first_order=True, chunk_size=chunk_size, seed=seed
        )
        self.inner = GradientLearner(backbone, Sgd(inner_lr), options)
        self.adapts_backbone = True

    @property
    def backbone(self) -> nn.Module:
        """Embeds items."""
        return self.inner.backbone

    def adapt(self, support: Support) -> State:
        """Take the inner steps; see `EpisodicLearner.adapt`."""
        return self.inner.adapt(support)

    def logits(self, state: State, query: Items) -> Float[Tensor, "n_tasks n_query n_way"]:
        """Score query items with the adapted parameters."""
        return self.inner.logits(state, query)

    def loss(self, batch: EpisodeBatch) -> tuple[Float[Tensor, ""], Float[Tensor, "n_tasks n_query n_way"]]:
        """Half the squared distance from the start to where the tasks' items lead, and the logits of the query items.

        The logits are those after adapting to the support sets alone.
        """
        with torch.no_grad():
            logits = self.logits(self.adapt(batch.support), batch.query)
            ends = self.inner.adapt_stepwise(_with_queries(batch))[-1]
        starts = self.inner.learned_starts()
        pulls = [(start - ends[name]).square().flatten(1).sum(1).mean() / 2 for name, start in starts.items()]
        return torch.stack(pulls).sum() if pulls else logits.new_zeros(()), logits


def _with_queries(batch: EpisodeBatch) -> Support:
    """All items of an episode as its support set."""
    support, query_weight = batch.support, (batch.query_class_index >= 0).to(batch.support.weight.dtype)
    items: Items
    if isinstance(support.items, Mapping) and isinstance(batch.query, Mapping):
        items = {name: torch.cat([tensor, batch.query[name]], dim=1) for name, tensor in support.items.items()}
    else:
        assert isinstance(support.items, Tensor) and isinstance(batch.query, Tensor)
        items = torch.cat([support.items, batch.query], dim=1)
    return Support(
        items,
        torch.cat([support.class_index, batch.query_class_index], dim=1),
        torch.cat([support.weight, query_weight], dim=1),
        support.n_way,
    )
