"""Where values are missing: along the rows of a source, and which columns lack them together."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

N_STRETCHES = 60
N_PATTERNS = 6


@dataclass(frozen=True)
class GapPattern:
    """Columns that are missing together, and no others, on some rows."""

    columns: tuple[str, ...]
    n_rows: int


@dataclass(frozen=True)
class Missingness:
    """Gaps of the columns that have any.

    Args:
        columns: Their names, in the source's order.
        shares: Share of missing values of each column in each stretch of rows, the source's rows from first to last.
        patterns: The most frequent combinations of gaps, most frequent first.
        n_complete: Rows without a gap.
    """

    columns: tuple[str, ...]
    shares: tuple[tuple[float, ...], ...]
    patterns: tuple[GapPattern, ...]
    n_complete: int


def map_missing(present: Mapping[str, Bool[np.ndarray, " n_rows"]], *, n_stretches: int = N_STRETCHES) -> Missingness:
    """Count gaps.

    Args:
        present: Column -> which rows have a value.
        n_stretches: Stretches of about as many rows each; as many as rows where there are fewer.
    """
    columns = tuple(name for name, mask in present.items() if not mask.all())
    n_rows = len(next(iter(present.values()), ()))
    if not columns:
        return Missingness((), (), (), n_rows)
    missing = ~np.stack([present[name] for name in columns])  # (n_columns, n_rows)
    stretches = np.array_split(missing, min(n_rows, n_stretches), axis=1)
    packed, counts = np.unique(np.packbits(missing, axis=0), axis=1, return_counts=True)
    combinations: Counter[tuple[str, ...]] = Counter()
    for column, count in zip(packed.T, counts.tolist(), strict=True):
        bits = np.unpackbits(column, count=len(columns)).astype(bool)
        combinations[tuple(np.array(columns)[bits].tolist())] = count
    n_complete = combinations.pop((), 0)
    ordered = sorted(combinations.items(), key=lambda item: (-item[1], item[0]))
    return Missingness(
        columns,
        tuple(map(tuple, np.stack([part.mean(axis=1) for part in stretches], axis=1).tolist())),
        tuple(GapPattern(names, count) for names, count in ordered[:N_PATTERNS]),
        n_complete,
    )
