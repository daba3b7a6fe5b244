"""Going through the distinct texts of a column instead of its cells."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Int

from metafuse.cleaning.base import Replacement


@dataclass(frozen=True)
class Distinct:
    """Distinct texts of a column.

    Args:
        codes: Which text each cell holds; -1 for a missing cell and for one that is no text.
        texts: The texts, in the order they come.
        counts: Cells that hold each.
    """

    codes: Int[np.ndarray, " n_items"]
    texts: tuple[str, ...]
    counts: tuple[int, ...]


def find_distinct(values: pd.Series) -> Distinct:
    """List the distinct texts of a column; numbers and other objects are passed over."""
    none = Distinct(np.full(len(values), -1), (), ())
    if pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_datetime64_any_dtype(values.dtype):
        return none
    if values.dtype == object:
        is_text = np.fromiter((isinstance(cell, str) for cell in values), bool, len(values))
        values = values.where(is_text, None)
    codes, found = pd.factorize(values)
    if not all(isinstance(text, str) for text in found):
        return none
    counts = np.bincount(codes[codes >= 0], minlength=len(found))
    return Distinct(codes.astype(np.int64), tuple(map(str, found)), tuple(counts.tolist()))


def replace_texts(values: pd.Series, replace: Callable[[str], str | None]) -> Replacement:
    """Replace the cells whose text becomes another.

    Args:
        values: A column.
        replace: Text -> the new one, the same one, or None for a missing cell.
    """
    distinct = find_distinct(values)
    new = [replace(text) for text in distinct.texts]
    differs = np.array([was != now for was, now in zip(distinct.texts, new, strict=True)] + [False], dtype=bool)
    rows = np.flatnonzero(differs[distinct.codes])
    return Replacement(rows, tuple(new[code] for code in distinct.codes[rows].tolist()))
