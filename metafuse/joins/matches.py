"""Which rows of two sources belong together: what every way of joining returns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from metafuse.errors import SchemaError

MOST_PAIRS = 50_000_000
"""Pairs of rows that are held in memory at once."""

NOTHING = -1
"""In place of a row's position where there is none."""


Encode = Callable[[list[str]], np.ndarray]
"""Texts -> L2-normalised embeddings, one row each."""


@dataclass(frozen=True)
class Side:
    """One side of a join.

    Args:
        name: The source's name.
        columns: The columns it is joined by, in the order the join names them.
    """

    name: str
    columns: pd.DataFrame


@dataclass(frozen=True)
class Pairs:
    """Every pair of rows that fit, ordered by the left row and there as lists should be."""

    left: Int[np.ndarray, " n_pairs"]
    right: Int[np.ndarray, " n_pairs"]


@dataclass(frozen=True)
class Matches:
    """The right rows that fit each left row.

    Args:
        best: Position of the right row that each left row takes, `NOTHING` where it has none.
        distance: Of each left row to that row, in the unit of the join; NaN where it has none.
        n_fitting: How many right rows fit each left row; where `pairs` were not asked for, 2 stands for more.
        pairs: All of them, where they were asked for.
        left_reasons: Why rows could not be matched at all -> their positions.
        right_reasons: The same for right rows.
        offset_s: How far the right clock was taken to be ahead.
        drift_s_per_day: How much it was taken to gain.
        notes: What else there is to say.
    """

    best: Int[np.ndarray, " n_left"]
    distance: Float[np.ndarray, " n_left"]
    n_fitting: Int[np.ndarray, " n_left"]
    pairs: Pairs | None = None
    left_reasons: Mapping[str, Int[np.ndarray, " _"]] = field(default_factory=dict)
    right_reasons: Mapping[str, Int[np.ndarray, " _"]] = field(default_factory=dict)
    offset_s: float | None = None
    drift_s_per_day: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def n_several(self) -> int:
        """Left rows that more than one right row fits."""
        return int((self.n_fitting > 1).sum())

    @property
    def n_taken_of_several(self) -> int:
        """Right rows taken by those; by key, the keys that both sides have and the right one repeats."""
        return len(np.unique(self.best[self.n_fitting > 1]))


def expand(starts: Int[np.ndarray, " n_left"], counts: Int[np.ndarray, " n_left"], name: str) -> Pairs:
    """List pairs where the right rows of each left row follow each other in some order.

    Args:
        starts: Place in that order of the first right row of each left row.
        counts: How many follow, the first included.
        name: The join's name, for the message.
    Returns:
        The pairs; `right` are places in that order.
    Raises:
        SchemaError: there are more than can be held.
    """
    n_pairs = int(counts.sum())
    if n_pairs > MOST_PAIRS:
        raise SchemaError(
            f"join '{name}' would hold {n_pairs:,} pairs of rows, more than {MOST_PAIRS:,}. Narrow the tolerance or "
            "the radius, aggregate the other source first, or take only the first that fits (several = 'first')."
        )
    left = np.repeat(np.arange(len(counts)), counts)
    before = np.cumsum(counts) - counts
    return Pairs(left, np.arange(n_pairs) - np.repeat(before - starts, counts))


def where(mask: np.ndarray) -> Int[np.ndarray, " n"]:
    """Positions at which a mask holds."""
    return np.flatnonzero(mask)
