"""Cells that hold many numbers: lists, arrays, JSON text, and numbers in a row with a mark between them."""

import json
import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

FEWEST_WRITTEN = 8
"""Numbers a text without brackets must hold: fewer may be a date, a size or an address."""
_GAPS = frozenset(("", "?", "nan", "na", "n/a", "null", "none"))
_MOST_GAPS = 0.5


def list_shape(cell: object) -> tuple[int, int] | None:
    """Tell how many numbers a cell holds.

    Returns:
        Channels and steps of the longest one, (1, n) where the list is flat; None where it is no list of numbers.
    """
    values = _parse(cell)
    if values is None:
        return None
    nested = [value for value in values if isinstance(value, list | tuple | np.ndarray)]
    if not nested:
        return (1, len(values)) if _are_numbers(values) else None
    if len(nested) < len(values) or not all(_are_numbers(value) for value in nested):
        return None
    return len(nested), max(len(value) for value in nested)


def flat_numbers(cell: object) -> Float[np.ndarray, " n"] | None:
    """Read the numbers of a flat list, gaps as NaN; None where a cell holds no such list."""
    values = _parse(cell)
    return None if values is None else _as_row(values)


def _parse(cell: object) -> "Sequence[object] | np.ndarray | None":
    if isinstance(cell, str):
        text = cell.strip()
        if not text.startswith("["):
            items = _split(text)
            return items if len(items) >= FEWEST_WRITTEN else None
        try:
            cell = json.loads(text)
        except (ValueError, RecursionError):
            # an array as numpy prints it
            return _split(text.strip("[]"))
    if isinstance(cell, np.ndarray):
        return cell if cell.ndim in (1, 2) and len(cell) else None
    return cell if isinstance(cell, list | tuple) and len(cell) else None


def _split(text: str) -> list[str]:
    mark = next((mark for mark in ";|," if mark in text), None)
    return text.split(mark)


def _are_numbers(values: Sequence[object] | np.ndarray) -> bool:
    row = _as_row(values)
    return row is not None and len(row) > 0 and bool(np.isnan(row).mean() <= _MOST_GAPS)


def _as_row(values: Sequence[object] | np.ndarray) -> Float[np.ndarray, " n"] | None:
    if isinstance(values, np.ndarray) and values.dtype != object:
        return values.astype(np.float64) if values.ndim == 1 and values.dtype.kind in "iuf" else None
    if all(issubclass(kind, int | float | np.number) and kind is not bool for kind in set(map(type, values))):
        return np.array(values, dtype=np.float64)
    numbers = []
    for value in values:
        number = _as_number(value)
        if number is None:  # at the first word of a long text
            return None
        numbers.append(number)
    return np.array(numbers, dtype=np.float64)


def _as_number(value: object) -> float | None:
    """Read one number, NaN for a gap; None for anything else."""
    if value is None:
        return np.nan
    if isinstance(value, str):
        text = re.sub(r"^(-?\d+),(\d+)$", r"\1.\2", value.strip())
        if text.lower() in _GAPS:
            return np.nan
        try:
            return float(text)
        except ValueError:
            return None
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
        return None
    return float(value)  # type: ignore[arg-type]
