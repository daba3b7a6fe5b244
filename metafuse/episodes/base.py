"""What episodes are drawn from, and what a draw is: index arrays into the rows of one source."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from metafuse.errors import EpisodeError, ShapeError

PADDING = -1
"""Where an episode has fewer classes or rows than the widest of its batch."""


@dataclass(frozen=True)
class EpisodePool:
    """Rows of one source that episodes are drawn from: one class split of it.

    Args:
        name: Of the source, for messages.
        classes: Label of each class, in the order of `class_id`.
        class_id: Class of each row of the source, 0..n_classes-1; -1 for rows of other splits and unlabelled ones.
        group_id: Group of each row (alphabet, domain), for within-group episodes; -1 for rows without one, None where
            the source names none.
        duplicate_id: Rows with the same value are near-duplicates, and never both in one episode's support and query
            set; -1 for rows without any, None where none are known.
        split: Name of the class split, for messages.
    Raises:
        ShapeError: the arrays differ in length.
    """

    name: str
    classes: tuple[str, ...]
    class_id: Int[np.ndarray, " _"]
    group_id: Int[np.ndarray, " _"] | None = None
    duplicate_id: Int[np.ndarray, " _"] | None = None
    split: str | None = None

    def __post_init__(self) -> None:
        columns = {"class_id": self.class_id, "group_id": self.group_id, "duplicate_id": self.duplicate_id}
        sizes = {name: len(column) for name, column in columns.items() if column is not None}
        if len(set(sizes.values())) > 1:
            raise ShapeError(f"source '{self.name}': expected one entry a row in each of {sizes}. Use the same rows.")


@dataclass(frozen=True)
class Episodes:
    """A batch of episodes of one source; -1 pads those with fewer classes or rows than the widest.

    Args:
        source: Place of the source among the sampler's pools.
        classes: The source's class_id of each episode's classes, in the order of class_index.
        support: Rows of the support sets.
        support_class_index: Their classes within the episode, 0..n_way-1.
        query: Rows of the query sets, none of them in the episode's support set.
        query_class_index: Their classes within the episode.
    """

    source: int
    classes: Int[np.ndarray, "n_tasks n_way"]
    support: Int[np.ndarray, "n_tasks n_support"]
    support_class_index: Int[np.ndarray, "n_tasks n_support"]
    query: Int[np.ndarray, "n_tasks n_query"]
    query_class_index: Int[np.ndarray, "n_tasks n_query"]

    def __len__(self) -> int:
        return len(self.support)


def check_disjoint(splits: Sequence[tuple[str, Sequence[str]]]) -> None:
    """Check that class splits share no class.

    Args:
        splits: Name and labels of each split.
    Raises:
        EpisodeError: a class is in two of them.
    """
    seen: dict[str, str] = {}
    for name, labels in splits:
        for label in labels:
            if label in seen:
                raise EpisodeError(
                    f"class '{label}' is in {seen[label]} and in {name}: expected each class in one split. "
                    "Remove it from one of them."
                )
            seen[label] = name
