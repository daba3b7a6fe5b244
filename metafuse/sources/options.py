"""How to read a source: what a task file or the command line may say about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


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
        key: Of a JSON object, the key whose array holds the rows; several, with commas between, are joined.
        columns: Names for the fields of JSON rows that are arrays.
        keep: Column -> values; rows with another value are left out.
        max_rows: Most rows to take, from the start.
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
    key: str | None = None
    columns: Sequence[str] = ()
    keep: Mapping[str, Sequence[str]] = field(default_factory=dict)
    max_rows: int | None = None
