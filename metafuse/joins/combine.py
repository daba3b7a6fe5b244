"""The columns of the right side brought to the rows of the left one."""

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from metafuse.columns.value_patterns import present_mask
from metafuse.errors import ConfigError, SchemaError
from metafuse.joins.matches import NOTHING, Matches, Pairs
from metafuse.sources.cells import LARGEST_EXACT


def names_taken(
    left: Sequence[str], right: Sequence[str], joined_by: Sequence[str], take: Sequence[str] | None, name: str
) -> dict[str, str]:
    """Choose the right side's columns and name them beside the left side's.

    Args:
        left: Columns of the left side.
        right: Columns of the right side.
        joined_by: Those of the right side that it is joined by, left out where `take` does not name them.
        take: The ones wanted; None for all others.
        name: The join's name, which stands before a name that is taken.
    Returns:
        Column of the right side -> its name in the joined source.
    Raises:
        SchemaError: a wanted column is not there, or nothing is.
        ConfigError: a column's name is taken with the join's name before it too.
    """
    if take is not None and (absent := [column for column in take if column not in right]):
        raise SchemaError(
            f"join '{name}': it has no column '{absent[0]}' to take. It has: {', '.join(right)}. Use these."
        )
    wanted = [column for column in right if column not in joined_by] if take is None else [*dict.fromkeys(take)]
    if not wanted:
        raise SchemaError(f"join '{name}': it has no column besides those it is joined by. Name some under take.")
    names = {column: f"{name}_{column}" if column in left else column for column in wanted}
    taken = [new for new in names.values() if new in left or [*names.values()].count(new) > 1]
    if taken:
        raise ConfigError(f"join '{name}': two columns would be called '{taken[0]}'. Give the join another name.")
    return names


def bring(
    left: pd.DataFrame, right: pd.DataFrame, names: Mapping[str, str], matches: Matches, several: str
) -> pd.DataFrame:
    """Put the right side's columns beside the left side's rows, which stay as many and in order.

    Args:
        left: Rows of the source.
        right: Rows of the other.
        names: Its columns to take -> what they are called.
        matches: Which rows fit.
        several: "mean" averages numbers; "list" lists numbers, as a series, and puts texts one to a line; everything
            else, and under any other word all, is taken from the best row.
    """
    brought = {}
    for column, new in names.items():
        values = right[column].reset_index(drop=True)
        is_number = values.dtype.kind in "iuf" and pd.api.types.is_numeric_dtype(values.dtype)
        if matches.pairs is not None and several == "mean" and is_number:
            cells: object = _means(values, matches.pairs, len(left))
        elif matches.pairs is not None and several == "list" and (is_number or pd.api.types.is_string_dtype(values)):
            cells = _lists(values, matches.pairs, len(left), is_number=is_number)
        else:
            cells = _best(values, matches.best)
        brought[new] = pd.Series(cells, index=left.index)
    return pd.concat([left, pd.DataFrame(brought, index=left.index)], axis=1)


def _best(values: pd.Series, best: np.ndarray) -> object:
    missing = best == NOTHING
    if values.dtype.kind in "iu" and missing.any() and values.abs().max() > LARGEST_EXACT:
        values = values.astype("str")  # a gap would make floats of them, which do not hold such numbers
    return values.reindex(np.where(missing, len(values), best)).array


def _means(values: pd.Series, pairs: Pairs, n_left: int) -> np.ndarray:
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)[pairs.right]
    known = ~np.isnan(numbers)
    n_known = np.bincount(pairs.left[known], minlength=n_left)
    sums = np.bincount(pairs.left[known], weights=numbers[known], minlength=n_left)
    return np.divide(sums, n_known, out=np.full(n_left, np.nan), where=n_known > 0)


def _lists(values: pd.Series, pairs: Pairs, n_left: int, *, is_number: bool) -> list[str | None]:
    """Write each left row's values as JSON, numbers, or as lines, texts; None where it has none."""
    ends = np.cumsum(np.bincount(pairs.left, minlength=n_left))
    there = present_mask(values)
    if is_number:
        cells: list = [number if known else None for number, known in zip(values.tolist(), there, strict=True)]
        listed = [cells[row] for row in pairs.right]
        parts = [listed[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]
        return [json.dumps(part) if any(cell is not None for cell in part) else None for part in parts]
    texts = values.tolist()
    lines = [str(texts[row]) if there[row] else None for row in pairs.right]
    groups = [lines[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    return ["\n".join(line for line in group if line is not None) or None for group in groups]
