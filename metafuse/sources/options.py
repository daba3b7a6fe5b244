"""How to read a source: what a task file or the command line may say about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from metafuse.errors import ConfigError


@dataclass(frozen=True)
class LongTable:
    """Columns of a table that holds one moment a row, of which one series an id is made.

    Args:
        id: What each series belongs to.
        time: When, as dates or as numbers.
        values: The readings, one channel each.
        step: Length of a step of the series, in seconds or the time's own unit; None for the usual one.
    """

    id: str
    time: str
    values: tuple[str, ...]
    step: float | None = None

    def __post_init__(self) -> None:
        if not self.values or len({self.id, self.time, *self.values}) < 2 + len(self.values):
            raise ConfigError(
                f"long: expected id, time and at least one value column, all different, got id '{self.id}', time "
                f"'{self.time}', values {list(self.values)}. Correct them."
            )
        if self.step is not None and not self.step > 0:
            raise ConfigError(f"long: a step must be above 0, got {self.step}. Leave it out for the usual one.")


@dataclass(frozen=True)
class SourceOptions:
    """How to read a source; each option concerns only the kinds of source it names.

    Args:
        name: Name for folders and titles, instead of the one taken from the source.
        table: Table of a database, or the table file to use in a folder or zip that has several.
        query: SELECT statement for a database.
        sheet: Sheet of an Excel file.
        split: Split of a Hugging Face dataset.
        encoding: Encoding of a text file, when it is not UTF-8.
        delimiter: Character between the fields of a CSV file, when it cannot be told from the file.
        media: Folder or zip with the files that cells name, when they are not beside the table.
        subfolder: Part of a folder or zip to use.
        pattern: Regular expression for the paths of the files of a folder or zip; each named group is a column.
        key: Of a JSON object, the key whose array holds the rows; several, with commas between, are joined.
        columns: Names for the fields of JSON rows that are arrays.
        keep: Column -> values; rows with another value are left out.
        max_rows: Most rows to take, from the start.
        long: Columns of a table with one moment a row, to make one row a series of it.
    """

    name: str | None = None
    table: str | None = None
    query: str | None = None
    sheet: str | None = None
    split: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    media: str | Path | None = None
    subfolder: str | None = None
    pattern: str | None = None
    key: str | None = None
    columns: Sequence[str] = ()
    keep: Mapping[str, Sequence[str]] = field(default_factory=dict)
    max_rows: int | None = None
    long: LongTable | None = None
