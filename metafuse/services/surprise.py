"""How unusual a value is among its own kind, in units that can be compared between columns."""

import numpy as np
from jaxtyping import Float, Int

from metafuse.index.knn import nearest_neighbours

TAIL_START = 1.5
"""Surprise up to here is usual and counts as nothing: many columns that are all a little off make no anomaly."""

TAIL_QUANTILE = 0.95
TAIL_SIGMAS = 1.645  # where a normal distribution has this quantile
MAD_TO_SIGMA = 1.4826


def one_sided(values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Distance above the median in robust standard deviations; below 0 under the median.

    The deviation is the larger of the one by the median absolute deviation and the one by the upper 5 %, so that a
    column with a heavy tail does not crowd out the others.
    """
    median = np.median(values)
    offset = values - median
    scale = max(MAD_TO_SIGMA * np.median(np.abs(offset)), np.quantile(offset, TAIL_QUANTILE) / TAIL_SIGMAS)
    if scale <= 0:
        scale = np.abs(offset).mean()
    return offset / scale if scale > 0 else np.zeros(len(values))


def two_sided(values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Distance from the median to either side in robust standard deviations, each side with its own."""
    return np.maximum(one_sided(values), one_sided(-values))


def crowd_distance(
    rows: Float[np.ndarray, "n dim"], k: int, device: str
) -> tuple[Float[np.ndarray, " n"], Int[np.ndarray, "n k"]]:
    """Mean Euclidean distance to the k nearest other rows, and those rows.

    Copies of one row, where there are at most k of them, do not count as each other's neighbours: a strange row does
    not become usual by being entered twice. More copies than that are a usual value.

    Returns:
        Distances; and positions of the k nearest rows, fewer than k where there are fewer, copies among them.
    """
    distinct, first, which, counts = np.unique(rows, axis=0, return_index=True, return_inverse=True, return_counts=True)
    which = which.ravel()
    _, near = _nearest(rows, min(k, len(rows) - 1), device)
    if len(distinct) < 2:
        return np.zeros(len(rows)), near
    distances, others = _nearest(distinct, min(k, len(distinct) - 1), device)
    before = np.cumsum(counts[others], axis=1) - counts[others]
    weights = np.clip(k - before, 0, counts[others])
    mean = (weights * distances).sum(axis=1) / weights.sum(axis=1)
    return np.where(counts > k, 0.0, mean)[which], near


def _nearest(
    rows: Float[np.ndarray, "n dim"], k: int, device: str
) -> tuple[Float[np.ndarray, "n k"], Int[np.ndarray, "n k"]]:
    """Nearest other rows by Euclidean distance, through inner products: x'y - |y|^2 / 2 ranks as -|x - y|^2 does."""
    half_norms = (rows**2).sum(axis=1, keepdims=True) / 2
    ones = np.ones_like(half_norms)
    products, near = nearest_neighbours(
        np.hstack([rows, ones]), np.hstack([rows, -half_norms]), k, device=device, exclude_self=True
    )
    return np.sqrt(np.maximum(2 * (half_norms - products), 0)), near
