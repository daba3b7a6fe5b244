"""What a meta-trained learner is: it adapts to a batch of support sets, and is trained over episodes.

An episodic learner is an `nn.Module` that owns its backbone. It starts as a plain method on frozen features (learned
parts are residuals that begin at zero), so that without meta-training it is no worse than that.
"""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from metafuse.episodes.batch import EpisodeBatch, Items, Support, map_items

State = Mapping[str, Tensor]
"""What a learner keeps of a batch of support sets, the task axis first in each tensor; holds `class_mask`."""

ABSENT_LOGIT = -1e4
"""Of a class an episode does not have; finite, so that no gradient is NaN."""


@runtime_checkable
class EpisodicLearner(Protocol):
    """A meta-learner, built as `EpisodicLearner(backbone, **options)`; also an `nn.Module`.

    Attributes:
        backbone: Items -> (n_items, dim) embeddings.
        adapts_backbone: Whether `adapt` changes the backbone's weights for a task, as MAML does and ANIL does not.
    """

    backbone: nn.Module
    adapts_backbone: bool

    def adapt(self, support: Support) -> State:
        """Adapt to each support set; the learner itself stays as it is.

        Returns:
            Tensors with the task axis first.
        """
        ...

    def logits(self, state: State, query: Items) -> Float[Tensor, "n_tasks n_query n_way"]:
        """Score query items against the classes of their episode; `ABSENT_LOGIT` for classes it does not have."""
        ...

    def loss(self, batch: EpisodeBatch) -> tuple[Float[Tensor, ""], Float[Tensor, "n_tasks n_query n_way"]]:
        """Return the loss that meta-training minimises, and the logits of the query items."""
        ...


def as_module(learner: EpisodicLearner) -> nn.Module:
    """Return the learner as the `nn.Module` it also is."""
    assert isinstance(learner, nn.Module)
    return learner


def embed_items(backbone: nn.Module, items: Items) -> Float[Tensor, "n_tasks n dim"]:
    """Embed items of several tasks at once with shared weights.

    Args:
        backbone: Takes items with one leading axis.
        items: (n_tasks, n, ...) each.
    """
    first = next(iter(items.values())) if isinstance(items, Mapping) else items
    return backbone(map_items(items, _merge_tasks)).unflatten(0, first.shape[:2])


def _merge_tasks(items: Tensor) -> Tensor:
    items = items.flatten(0, 1)
    # Convolutions and pooling on a CPU take channels last 1.4 times as fast.
    return items.to(memory_format=torch.channels_last) if items.dim() == 4 else items


def embed_batch(
    backbone: nn.Module, batch: EpisodeBatch
) -> tuple[Float[Tensor, "n_tasks n_support dim"], Float[Tensor, "n_tasks n_query dim"]]:
    """Embed support and query items in one pass, so that in training a normalisation sees them together."""
    support, query = batch.support.items, batch.query
    n_support = batch.support.class_index.shape[1]
    if isinstance(support, Mapping):
        assert isinstance(query, Mapping)
        both: Items = {name: torch.cat([support[name], query[name]], dim=1) for name in support}
    else:
        assert isinstance(query, Tensor)
        both = torch.cat([support, query], dim=1)
    embedding = embed_items(backbone, both)
    return embedding[:, :n_support], embedding[:, n_support:]


def class_mask(support: Support) -> Bool[Tensor, "n_tasks n_way"]:
    """Which classes an episode has."""
    return support.targets().sum(dim=1) > 0


def mask_logits(
    logits: Float[Tensor, "n_tasks n_query n_way"], present: Bool[Tensor, "n_tasks n_way"]
) -> Float[Tensor, "n_tasks n_query n_way"]:
    """Set the logits of classes an episode does not have."""
    return torch.where(present.unsqueeze(1), logits, logits.new_tensor(ABSENT_LOGIT))


def query_loss(logits: Float[Tensor, "n_tasks n_query n_way"], batch: EpisodeBatch) -> Float[Tensor, ""]:
    """Mean cross entropy over the query items that are no padding."""
    return nn.functional.cross_entropy(logits.flatten(0, 1), batch.query_class_index.flatten(), ignore_index=-1)


def class_means(
    embedding: Float[Tensor, "n_tasks n_support dim"], support: Support
) -> Float[Tensor, "n_tasks n_way dim"]:
    """Weighted mean embedding of each class; zeros for a class without items."""
    targets = support.targets()
    total = targets.sum(dim=1).clamp(min=torch.finfo(targets.dtype).tiny)
    return targets.transpose(1, 2) @ embedding / total.unsqueeze(-1)
