"""Metrics with their uncertainty: pure functions of predictions and truths."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

Z_95 = 1.959963984540054


@dataclass(frozen=True)
class Proportion:
    """A share with its 95 % interval.

    Args:
        hits: How many of the trials succeeded.
        n: Number of trials.
        low: Lower end of the interval, 0..1.
        high: Upper end of the interval, 0..1.
    """

    hits: int
    n: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """Hits per trial, 0..1; NaN without trials."""
        return self.hits / self.n if self.n else float("nan")


def proportion(hits: Bool[np.ndarray, " n"]) -> Proportion:
    """Count hits, with the Wilson score interval.

    Reference: Wilson 1927, "Probable inference, the law of succession, and statistical inference".
    """
    n, good = len(hits), int(np.count_nonzero(hits))
    if n == 0:
        return Proportion(0, 0, 0.0, 1.0)
    share, spread = good / n, Z_95**2 / n
    centre = (share + spread / 2) / (1 + spread)
    half = Z_95 * np.sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    # At 0 and n hits rounding may leave the interval a hair beyond the share itself.
    return Proportion(good, n, min(share, max(0.0, float(centre - half))), max(share, min(1.0, float(centre + half))))


def mean_interval(values: Float[np.ndarray, " n_draws"]) -> tuple[float, float]:
    """Mean of a few draws and the half-width of its 95 % interval (Student's t); NaN for one draw."""
    from scipy.stats import t

    n = len(values)
    if n < 2:
        return float(np.mean(values)), float("nan")
    return float(np.mean(values)), float(t.ppf(0.975, n - 1) * np.std(values, ddof=1) / np.sqrt(n))


def false_alarm_at_recall(known: Float[np.ndarray, " n"], unknown: Float[np.ndarray, " m"], recall: float) -> float:
    """Share of unknown items taken for known where `recall` of the known ones are accepted (FPR95 at 0.95).

    Args:
        known: Knownness of items of known classes, up = more like a known class.
        unknown: The same for items of no known class.
        recall: Share of the known items to accept.
    """
    threshold = np.quantile(known, 1 - recall)
    return float(np.mean(unknown >= threshold))


def confusions(
    truth: Int[np.ndarray, " n"], predicted: Int[np.ndarray, " n"], n_way: int, limit: int = 10
) -> list[tuple[int, int, int]]:
    """Most frequent mistakes as (true class, predicted class, count), most frequent first."""
    counts = np.zeros((n_way, n_way), dtype=np.int64)
    np.add.at(counts, (truth, predicted), 1)
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:limit]
    return [
        (int(place // n_way), int(place % n_way), int(counts.flat[place])) for place in order if counts.flat[place] > 0
    ]
