"""What a source is: something that yields rows, whatever it is stored in."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field

import pandas as pd
import pyarrow as pa

from metafuse.errors import SourceError
from metafuse.sources.cells import to_frame
from metafuse.sources.join_report import JoinReport
from metafuse.sources.media import Media

BATCH_ROWS = 8192
"""Rows read, converted and handed on at a time."""


@dataclass(frozen=True)
class Quarantined:
    """A row, or one cell of it, that could not be used.

    Args:
        row_id: The row's id, or its place in the source ("line 17") where it has none.
        column: The column at fault; None when the whole row is.
        reason: Why, in words.
    """

    row_id: str
    column: str | None
    reason: str


@dataclass(frozen=True)
class Dataset:
    """All rows of a source, as they came: nothing converted, nothing left out in silence.

    Args:
        name: Short name for folders and titles.
        frame: One row per item, one column per field of the source. The index holds the row
            positions, or for in-memory tables the caller's own index.
        media: Opens the files that cells name.
        quarantine: Rows the reader had to leave out.
        joins: What was joined to the rows, in order.
    """

    name: str
    frame: pd.DataFrame
    media: Media
    quarantine: tuple[Quarantined, ...] = field(default=())
    joins: tuple[JoinReport, ...] = ()


class Source(ABC):
    """Rows in. One implementation per kind of storage, a frozen dataclass."""

    name: str
    """Short name for folders and titles."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Short text that changes when the stored rows change; no credentials in it."""

    @abstractmethod
    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows in record batches, never all at once, without the quarantined ones."""

    @abstractmethod
    def read(self) -> Dataset:
        """Read every row.

        Raises:
            SourceError: nothing can be read, with what was expected and what to do.
        """


@dataclass
class Rows:
    """One reading of a source.

    Args:
        batches: The rows, all batches with the same columns and types.
        quarantine: What the reader left out; complete once the batches are used up.
    """

    batches: Iterator[pa.RecordBatch]
    quarantine: list[Quarantined] = field(default_factory=list)


def collect(name: str, rows: Rows, media: Media) -> Dataset:
    """Read all batches into a dataset.

    Raises:
        SourceError: there is no row.
    """
    batches = list(rows.batches)
    if not any(batch.num_rows for batch in batches):
        left_out = f" {len(rows.quarantine)} could not be read: {rows.quarantine[0].reason}." if rows.quarantine else ""
        raise SourceError(
            f"source '{name}' has no rows: at least one is needed.{left_out} Check that it is the right one."
        )
    return Dataset(name, to_frame(pa.Table.from_batches(batches)), media, tuple(rows.quarantine))


def check_columns(names: list[str], where: str) -> None:
    """Refuse columns that cannot be told apart.

    Raises:
        SourceError: a column has no name, or two have the same.
    """
    for position, name in enumerate(names, start=1):
        if not name.strip():
            raise SourceError(
                f"{where}: every column needs a name, but column {position} has none. Name it or remove it."
            )
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise SourceError(f"{where}: column names must differ, but {repeated} come more than once. Rename them.")
