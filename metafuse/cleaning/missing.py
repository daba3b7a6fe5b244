"""Words for nothing: "n/a", "?" or "unknown" in a cell mean that it holds no value."""

from dataclasses import dataclass

import pandas as pd

from metafuse.cleaning.base import Finding, Kind, Replacement
from metafuse.cleaning.distinct import Distinct, find_distinct, replace_texts
from metafuse.schema import WRITTEN, Column, Modality
from metafuse.written_values import BLANK, MARKS_FOR_NOTHING, WORDS_FOR_NOTHING

_ANYWHERE = WORDS_FOR_NOTHING | MARKS_FOR_NOTHING
_SHORT_CODE = 3


@dataclass(frozen=True)
class MissingRule:
    """Texts that count as missing in a column, lower case."""

    column: str
    tokens: tuple[str, ...]

    kind = Kind.MISSING

    def replace(self, values: pd.Series) -> Replacement:
        """Find the cells that hold one of the texts."""
        tokens = set(self.tokens)
        return replace_texts(values, lambda text: None if text.strip().casefold() in tokens else text)


def fit_missing(column: Column, values: pd.Series) -> tuple[MissingRule | None, tuple[Finding, ...]]:
    """Learn which texts stand for nothing in a column.

    A mark such as "-" is a value where others are marks, too ("+"), or where there is but one value beside it
    ("x" and "-" are yes and no); "na" is one among codes of two or three letters (a country).

    Args:
        column: Of text, numbers, dates or categories.
        values: Its cells.
    """
    distinct = find_distinct(values)
    if not distinct.texts:
        return None, ()
    if column.modality in (Modality.NUMERIC, Modality.DATETIME):
        return MissingRule(column.name, tuple(sorted(BLANK - {""}))), ()
    others = [text.strip() for text in distinct.texts if text.strip().casefold() not in _ANYWHERE]
    tokens = set(_ANYWHERE)
    if any(not any(sign.isalnum() for sign in text) for text in others):
        tokens -= MARKS_FOR_NOTHING
    if sum(len(text) <= _SHORT_CODE and text.isalpha() for text in others) > len(others) / 2:
        tokens -= {"na", "nan"}
    if column.modality in WRITTEN:
        return MissingRule(column.name, tuple(sorted(tokens | {"none"}))), ()
    if len(others) < 2:
        tokens.clear()
    left = _left(column.name, distinct, BLANK - {""} - tokens)
    return (MissingRule(column.name, tuple(sorted(tokens))) if tokens else None), left


def _left(column: str, distinct: Distinct, tokens: frozenset[str]) -> tuple[Finding, ...]:
    found = {
        text: count
        for text, count in zip(distinct.texts, distinct.counts, strict=True)
        if text.strip().casefold() in tokens
    }
    if not found:
        return ()
    words = ", ".join(f"'{text}'" for text in sorted(found))
    text = f"{words} may stand for a missing value, or be one; left as a value"
    return (Finding(column, Kind.MISSING, sum(found.values()), text),)
