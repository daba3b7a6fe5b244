"""Numbers that stand for a missing value: -999, 9999, 2147483647, far from all others.

Only what leaves no doubt counts as missing. A number must be one that people and programs write for nothing, and
stand apart from the rest: below zero where nothing else is, or ten times as far as the whole range of the others
where these are no long tail (99999 as the cap of a skewed column is a value). Anything else is counted and left.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from metafuse.cleaning.base import Finding, Kind, Replacement
from metafuse.written_values import find_decimal_sign, read_numbers

_NINES = tuple(float("9" * n_digits) for n_digits in range(2, 11))
_LIMITS = (32767.0, 32768.0, 65535.0, 2147483647.0, 2147483648.0, 4294967295.0, 1e9, 1e10, 1e20, 1e30, 1e36, 1e38)
SENTINELS = frozenset([*_NINES, *(-number for number in (*_NINES, *_LIMITS)), *_LIMITS, 999.9, -999.9, -99.9, 9999.9])
SURELY_ODD = 999.0
"""Smaller ones (99, -99) are worth a word only where they stand apart."""
FEWEST = 20
"""Other numbers a column must have before any is called impossible."""
TWICE = 2
"""How often a number must come back; a slip of the pen does not."""
FAR = 10.0
"""Ranges of the others that a number above zero must lie beyond them."""
LONG_TAIL = 20.0
"""Range over distance of the quartiles above which a column has a long tail."""


@dataclass(frozen=True)
class OutlierRule:
    """Numbers of a column that stand for a missing value.

    Args:
        column: Its name.
        decimal: "." or ",": how it writes numbers.
        impossible: The numbers.
    """

    column: str
    decimal: str
    impossible: tuple[float, ...]

    kind = Kind.OUTLIER

    def replace(self, values: pd.Series) -> Replacement:
        """Find the cells that hold one of the numbers."""
        numbers, _ = read_numbers(values, self.decimal)
        rows = np.flatnonzero(np.isin(numbers, self.impossible))
        return Replacement(rows, (None,) * len(rows))


def fit_outliers(column: str, values: pd.Series) -> tuple[OutlierRule | None, tuple[Finding, ...]]:
    """Learn which numbers of a column are impossible.

    Args:
        column: Its name.
        values: Its cells.
    """
    decimal = "." if pd.api.types.is_numeric_dtype(values) else find_decimal_sign(values)
    numbers, _ = read_numbers(values, decimal)
    found, counts = np.unique(numbers[~np.isnan(numbers)], return_counts=True)
    suspects = np.isin(found, list(SENTINELS))
    others, weights = found[~suspects], counts[~suspects]
    if weights.sum() < FEWEST or len(others) < 2:
        return None, ()
    low, high = np.quantile(np.repeat(others, weights), [0.25, 0.75]).tolist()
    impossible, doubtful = [], []
    for number, count in zip(found[suspects].tolist(), counts[suspects].tolist(), strict=True):
        if _stands_apart(number, count, others, high - low):
            impossible.append(number)
        elif abs(number) >= SURELY_ODD and not others[0] <= number <= others[-1]:
            doubtful.append(Finding(column, Kind.OUTLIER, count, f"{number:g} may stand for a missing value; left"))
    rule = OutlierRule(column, decimal, tuple(impossible)) if impossible else None
    return rule, (*doubtful, *_lone(column, others, weights))


def _stands_apart(number: float, count: int, others: Float[np.ndarray, " n"], quartiles: float) -> bool:
    if count < TWICE:
        return False
    low, high = float(others[0]), float(others[-1])
    if number < 0 <= low:
        return True
    away = max(low - number, number - high)
    return 0 < high - low <= LONG_TAIL * quartiles and away > FAR * (high - low)


def _lone(column: str, others: Float[np.ndarray, " n"], weights: np.ndarray) -> tuple[Finding, ...]:
    """A zero or a -1 away from all others, which may be a missing value or a real one."""
    numbers, count = others, int(weights[0])
    if numbers[0] not in (0.0, -1.0) or len(numbers) < FEWEST // 2 or count < TWICE:
        return ()
    rest = np.repeat(numbers[1:], weights[1:])
    low, high = np.quantile(rest, [0.25, 0.75])
    apart = numbers[1] - numbers[0] > high - low > 0 or (numbers[0] == -1 and numbers[1] >= 0)
    if not apart:
        return ()
    text = f"{numbers[0]:g} stands apart from the others, {numbers[1]:g} to {numbers[-1]:g}: missing, or a value? left"
    return (Finding(column, Kind.OUTLIER, count, text),)
