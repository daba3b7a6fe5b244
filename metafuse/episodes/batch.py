"""Episodes as tensors: the items of a batch of episodes, gathered by index."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from metafuse.episodes.base import PADDING, Episodes

Items = Tensor | Mapping[str, Tensor]
"""Rows ready for a backbone: one tensor (images, series, features), or column -> tensor, rows first."""


@dataclass(frozen=True)
class Support:
    """Support sets of a batch of episodes.

    Args:
        items: (n_tasks, n_support, ...) each.
        class_index: Class of each item, 0..n_way-1; -1 for padding.
        weight: How much each item counts; 0 for padding, 1 for a labelled row, less for a class's name.
        n_way: Number of classes of the widest episode.
    """

    items: Items
    class_index: Int[Tensor, "n_tasks n_support"]
    weight: Float[Tensor, "n_tasks n_support"]
    n_way: int

    def targets(self) -> Float[Tensor, "n_tasks n_support n_way"]:
        """One-hot classes times weights; zeros for padding."""
        is_class = self.class_index.unsqueeze(-1) == torch.arange(self.n_way, device=self.class_index.device)
        return is_class * self.weight.unsqueeze(-1)


@dataclass(frozen=True)
class EpisodeBatch:
    """A batch of episodes.

    Args:
        support: Support sets.
        query: (n_tasks, n_query, ...) each.
        query_class_index: Class of each query item; -1 for padding.
    """

    support: Support
    query: Items
    query_class_index: Int[Tensor, "n_tasks n_query"]


def gather(items: Items, episodes: Episodes) -> EpisodeBatch:
    """Collect the items of a batch of episodes.

    Args:
        items: All rows of the episodes' source.
        episodes: Index arrays into them.
    """
    device = next(iter(items.values())).device if isinstance(items, Mapping) else items.device
    support, query, support_class, query_class = (
        torch.from_numpy(array).to(device)
        for array in (
            episodes.support, episodes.query, episodes.support_class_index, episodes.query_class_index,
        )
    )  # fmt: skip
    weight = (support_class != PADDING).float()
    # Padding points at row 0, and counts nothing.
    return EpisodeBatch(
        Support(_take(items, support), support_class, weight, episodes.classes.shape[1]),
        _take(items, query),
        query_class,
    )


def map_items(items: Items, change: Callable[[Tensor], Tensor]) -> Items:
    """Apply a function to each tensor of the items."""
    if isinstance(items, Mapping):
        return {name: change(tensor) for name, tensor in items.items()}
    return change(items)


def _take(items: Items, rows: Int[Tensor, "n_tasks n"]) -> Items:
    flat = rows.clamp(min=0).flatten()
    return map_items(items, lambda tensor: _as_float(tensor.index_select(0, flat)).unflatten(0, rows.shape))


def _as_float(tensor: Tensor) -> Tensor:
    # Images wait as bytes, a quarter of the memory.
    return tensor.float().div_(255) if tensor.dtype == torch.uint8 else tensor
