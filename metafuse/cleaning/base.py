"""What cleaning is made of: rules learned from a source, the cells they change, and the way back.

A rule looks at one cell at a time, so new rows are cleaned as the source's own were. Frames are never changed:
cleaning makes a new one that shares the columns it did not touch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

import numpy as np
import pandas as pd
from jaxtyping import Int

from metafuse.cleaning.series import SeriesRule


class Kind(StrEnum):
    """What is done to cells."""

    MISSING = "missing"
    UNIT = "unit"
    OUTLIER = "outlier"
    VARIANT = "variant"


@dataclass(frozen=True)
class Replacement:
    """Cells of one column and what they become.

    Args:
        rows: Positions, rising.
        values: The new value of each; None for a missing one.
    """

    rows: Int[np.ndarray, " n_changed"]
    values: tuple[object, ...]


@runtime_checkable
class Rule(Protocol):
    """What was learned from a source for one column; a frozen dataclass of plain values."""

    @property
    def column(self) -> str:
        """The source's own name of it."""

    @property
    def kind(self) -> Kind:
        """What is done to its cells."""

    def replace(self, values: pd.Series) -> Replacement:
        """Find the cells to change; those of a column that is clean already stay as they are."""


@dataclass(frozen=True)
class Change:
    """One changed cell.

    Args:
        row: Position of its row.
        column: Name of its column.
        kind: What was done.
        before: Its value; None where it was missing.
        after: Its new value; None where it counts as missing now.
    """

    row: int
    column: str
    kind: Kind
    before: object
    after: object


@dataclass(frozen=True)
class ColumnChanges:
    """All cells of a column that one rule changed.

    Args:
        column: Name of the column.
        kind: What was done.
        rows: Positions, rising.
        before: Their values.
        after: Their new values; None for a missing one.
        dtype: Type the column had, where cleaning changed it (whole numbers cannot be missing); else "".
        categories: Categories it had, where it is categorical; else None.
        ordered: Whether these are in an order.
    """

    column: str
    kind: Kind
    rows: Int[np.ndarray, " n_changed"]
    before: tuple[object, ...]
    after: tuple[object, ...]
    dtype: str = ""
    categories: tuple[object, ...] | None = None
    ordered: bool = False

    def cells(self) -> Iterator[Change]:
        """Go through the changed cells one by one."""
        for row, before, after in zip(self.rows.tolist(), self.before, self.after, strict=True):
            yield Change(row, self.column, self.kind, before, after)

    @property
    def count(self) -> "Count":
        """How much was changed."""
        return Count(self.column, self.kind, len(self.rows), len(set(self.before)), len(set(self.after)))


@dataclass(frozen=True)
class Count:
    """How many cells of a column were changed.

    Args:
        column: Name of the column.
        kind: What was done.
        n_cells: Cells changed.
        n_before: Distinct values among them before.
        n_after: Distinct values among them after.
    """

    column: str
    kind: Kind
    n_cells: int
    n_before: int
    n_after: int

    @property
    def text(self) -> str:
        """The same in words."""
        what = {
            Kind.MISSING: f"{_counted(self.n_before, 'word')} for nothing taken as missing",
            Kind.UNIT: "brought to the unit of the others",
            Kind.OUTLIER: f"{_counted(self.n_before, 'impossible number')} taken as missing",
            Kind.VARIANT: f"{_counted(self.n_before, 'spelling')} merged into {_counted(self.n_after, 'value')}",
        }
        return f"{_counted(self.n_cells, 'cell')} of '{self.column}': {what[self.kind]}"


@dataclass(frozen=True)
class Finding:
    """Cells that look wrong and were left as they are, since it is not certain.

    Args:
        column: Name of the column.
        kind: What would have been done.
        n_cells: Cells it is about.
        what: What was found, in words.
    """

    column: str
    kind: Kind
    n_cells: int
    what: str

    @property
    def text(self) -> str:
        """The same with column and count."""
        return f"{_counted(self.n_cells, 'cell')} of '{self.column}': {self.what}"


@dataclass(frozen=True)
class Cleaned:
    """Rows after cleaning.

    Args:
        frame: The rows; columns that nothing was changed in are the source's own.
        changes: What was changed, in the order it was done.
    """

    frame: pd.DataFrame
    changes: tuple[ColumnChanges, ...]

    @property
    def n_cells(self) -> int:
        """How many changes there are; a cell changed twice counts twice."""
        return sum(len(change.rows) for change in self.changes)

    def summary(self) -> tuple[Count, ...]:
        """Count the changes of each column and kind, in the order they were made."""
        return tuple(change.count for change in self.changes)


@dataclass(frozen=True)
class Cleaner:
    """Cleans rows of a source by the rules learned from it.

    Args:
        rules: In the order they are applied.
        series: What is done to time series where they are read; no cell is changed for that.
        findings: What the source's rows hold beside, left as it is.
    """

    rules: tuple[Rule, ...]
    series: tuple[SeriesRule, ...] = ()
    findings: tuple[Finding, ...] = ()

    def series_rule(self, column: str) -> SeriesRule:
        """What is done to the series of a column; where nothing was asked, gaps are filled."""
        return next((rule for rule in self.series if rule.column == column), SeriesRule(column))

    def apply(self, frame: pd.DataFrame) -> Cleaned:
        """Clean rows; the frame itself stays as it is, and a column it lacks is passed over."""
        changes = []
        for rule in self.rules:
            if rule.column in frame.columns:
                frame, change = apply_rule(frame, rule)
                changes += [change] if change is not None else []
        return Cleaned(frame, tuple(changes))


def apply_rule(frame: pd.DataFrame, rule: Rule) -> tuple[pd.DataFrame, ColumnChanges | None]:
    """Apply one rule; the same frame and None where it changes nothing."""
    values = frame[rule.column]
    found = rule.replace(values)
    if not len(found.rows):
        return frame, None
    before = tuple(_plain(value) for value in values.iloc[found.rows])
    change = ColumnChanges(rule.column, rule.kind, found.rows, before, found.values)
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        new = [value for value in dict.fromkeys(found.values) if value is not None and value not in dtype.categories]
        change = ColumnChanges(
            rule.column, rule.kind, found.rows, before, found.values,
            categories=tuple(_plain(value) for value in dtype.categories), ordered=bool(dtype.ordered),
        )  # fmt: skip
        values = values.cat.add_categories(new)
    elif isinstance(dtype, np.dtype) and dtype.kind in "iu" and None in found.values:
        change = ColumnChanges(rule.column, rule.kind, found.rows, before, found.values, dtype=dtype.name)
        # floats would round large ones
        values = values.astype(dtype.name.replace("int", "Int").replace("uI", "UI"))
    return _with_column(frame, rule.column, _put(values, found.rows, found.values)), change


def undo(frame: pd.DataFrame, changes: Sequence[ColumnChanges]) -> pd.DataFrame:
    """Take changes back: the rows as they were before cleaning, types included.

    Args:
        frame: Rows after cleaning, all of them and in the same order.
        changes: What was changed, in the order it was done.
    """
    for change in reversed(changes):
        values = _put(frame[change.column], change.rows, change.before)
        if change.categories is not None:
            values = values.astype(pd.CategoricalDtype(list(change.categories), ordered=change.ordered))
        elif change.dtype:
            values = values.astype(change.dtype)
        frame = _with_column(frame, change.column, values)
    return frame


def _put(values: pd.Series, rows: Int[np.ndarray, " n_changed"], new: Sequence[object]) -> pd.Series:
    dtype = values.dtype
    if values.dtype == object:
        cells = values.to_numpy(dtype=object, copy=True)
        for row, value in zip(rows.tolist(), new, strict=True):
            cells[row] = value
    elif isinstance(dtype, np.dtype):
        cells = values.to_numpy(copy=True)
        cells[rows] = [np.nan if value is None else value for value in new]
    else:
        cells = values.array.copy()
        cells[rows] = pd.array(list(new), dtype=dtype)
    return pd.Series(cells, index=values.index, name=values.name, dtype=dtype)


def _with_column(frame: pd.DataFrame, column: str, values: pd.Series) -> pd.DataFrame:
    changed = frame.copy(deep=False)
    changed[column] = values
    return changed


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
