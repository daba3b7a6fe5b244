"""Order neighbours the same way on every machine and for every batch size."""

import numpy as np
from jaxtyping import Float, Int

TIE = 1e-6
"""Similarities closer than this are equal: float32 sums differ by as much between batch sizes and devices."""

TIE_MARGIN = 16
"""Neighbours fetched beyond k, so that ties at the k-th place are decided here and not by the library."""


def best_first(
    similarities: Float[np.ndarray, "n k"], positions: Int[np.ndarray, "n k"]
) -> tuple[Float[np.ndarray, "n k"], Int[np.ndarray, "n k"]]:
    """Sort each row by falling similarity, ties by rising position; a position below 0 (nothing found) comes last."""
    nothing = positions < 0
    steps = np.where(nothing, -np.inf, np.round(similarities / TIE))
    order = np.lexsort((positions, -steps), axis=1)
    return np.take_along_axis(similarities, order, axis=1), np.take_along_axis(positions, order, axis=1)
