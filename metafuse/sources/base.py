"""What a source is: something that yields rows, whatever it is stored in."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import pandas as pd
import pyarrow as pa

from metafuse.sources.media import Media


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
    """

    name: str
    frame: pd.DataFrame
    media: Media
    quarantine: tuple[Quarantined, ...] = field(default=())


class Source(Protocol):
    """Rows in. One implementation per kind of storage."""

    name: str

    @property
    def fingerprint(self) -> str:
        """Short text that changes when the stored rows change; no credentials in it."""
        ...

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows in record batches, never all at once, without the quarantined ones."""
        ...

    def read(self) -> Dataset:
        """Read every row.

        Raises:
            SourceError: nothing can be read, with what was expected and what to do.
        """
        ...
