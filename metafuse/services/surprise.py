"""How unusual a value is among its own kind, in units that can be compared between columns."""

import numpy as np
from jaxtyping import Float, Int

from metafuse.index.knn import nearest_neighbours

COMPARED_ROWS = 20_000
"""Rows in which neighbours are sought: the time of exact search grows with their number."""


TAIL_QUANTILE = 0.95
MAX_EXCESS = 10.0


def upper_share(values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Share of the values at least as great as each one, smaller still for values far beyond the rest.

    Ranks make columns comparable whatever their tails: distances of embeddings end soon above the median, those of
    prices and weights never do. A rank alone would call the greatest of an ordinary column as rare as an absurd one,
    so the share is divided by one plus how far the value lies beyond the upper 5 %, in units of how far these lie
    from the median, at most `MAX_EXCESS`.

    Returns:
        0..1; ties share their mean rank.
    """
    from scipy.stats import rankdata

    shares = rankdata(-values, method="average") / len(values)
    median, tail = np.quantile(values, [0.5, TAIL_QUANTILE])
    reach = tail - median
    beyond = np.maximum(values - tail, 0)
    excess = np.divide(beyond, reach) if reach > 0 else np.where(beyond > 0, MAX_EXCESS, 0)
    return shares / (1 + np.minimum(excess, MAX_EXCESS))


def from_median(values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Distance from the median to either side, in units of that side's mean distance."""
    offset = values - np.median(values)
    above, below = (np.maximum(side, 0) for side in (offset, -offset))
    return sum(side / side.mean() if side.any() else side for side in (above, below))


def combine(shares: list[Float[np.ndarray, " n"]], weights: list[float]) -> Float[np.ndarray, " n"]:
    """Combine shares into one score, minus the decimal logarithm of their weighted harmonic mean.

    The smallest share rules, so that what is strange in one column alone still counts, and columns need not be
    independent.

    Reference: Wilson 2019, "The harmonic mean p-value for combining dependent tests", PNAS 116(4), eq. 1.
    """
    total = np.array(weights)
    return np.log10((total[:, None] / np.stack(shares)).sum(axis=0) / total.sum())


def crowd_distance(
    rows: Float[np.ndarray, "n dim"], k: int, device: str, *, n_overlapping: int = 0
) -> tuple[Float[np.ndarray, " n"], Int[np.ndarray, "n k"]]:
    """Mean squared Euclidean distance to the k nearest other rows, and those rows.

    Copies of one row, where there are at most k of them, do not count as each other's neighbours: a strange row does
    not become usual by being entered twice. More copies than that are a usual value.

    Args:
        rows: One row an item.
        k: Neighbours to find.
        device: Where they are searched.
        n_overlapping: Rows before and after each that share data with it, as windows of one series do: they are near
            by themselves, and no neighbours.
    Returns:
        Distances; and positions of the k nearest distinct rows, fewer than k where there are fewer.
    """
    if n_overlapping:
        return _apart(rows, k, device, n_overlapping)
    distinct, first, which, counts = np.unique(rows, axis=0, return_index=True, return_inverse=True, return_counts=True)
    which = which.ravel()
    if len(distinct) < 2:
        return np.zeros(len(rows)), np.zeros((len(rows), 0), dtype=np.int64)
    distances, others = _nearest(distinct, k, device)
    before = np.cumsum(counts[others], axis=1) - counts[others]
    weights = np.clip(k - before, 0, counts[others])
    mean = (weights * distances).sum(axis=1) / weights.sum(axis=1)
    return np.where(counts > k, 0.0, mean)[which], first[others][which]


def _apart(
    rows: Float[np.ndarray, "n dim"], k: int, device: str, n_overlapping: int
) -> tuple[Float[np.ndarray, " n"], Int[np.ndarray, "n k"]]:
    n_apart = len(rows) - 1 - 2 * n_overlapping
    if n_apart < 1:
        return np.zeros(len(rows)), np.zeros((len(rows), 0), dtype=np.int64)
    distances, near = _nearest(rows, k + 2 * n_overlapping, device)
    overlapping = np.abs(near - np.arange(len(rows))[:, None]) <= n_overlapping
    order = np.argsort(overlapping, axis=1, kind="stable")[:, : min(k, n_apart)]
    return np.take_along_axis(distances, order, axis=1).mean(axis=1), np.take_along_axis(near, order, axis=1)


def _nearest(
    rows: Float[np.ndarray, "n dim"], k: int, device: str
) -> tuple[Float[np.ndarray, "n k"], Int[np.ndarray, "n k"]]:
    """Nearest other rows by squared Euclidean distance: x'y - |y|^2 / 2 ranks as -|x - y|^2 does.

    Past `COMPARED_ROWS` rows they are sought among an even sample of as many.
    """
    compared = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), COMPARED_ROWS)).astype(np.int64))
    own = np.full(len(rows), -1)
    own[compared] = np.arange(len(compared))
    half_norms = (rows**2).sum(axis=1, keepdims=True) / 2
    base = np.hstack([rows, -half_norms])[compared]
    queries = np.hstack([rows, np.ones_like(half_norms)])
    products, near = nearest_neighbours(queries, base, min(k, len(compared) - 1), device=device, own_positions=own)
    return np.maximum(2 * (half_norms - products), 0), compared[near]
