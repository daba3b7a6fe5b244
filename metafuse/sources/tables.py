"""Table files: one source for all formats, with a reader for each."""

import hashlib
import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from metafuse.errors import ConfigError, MissingExtraError, SourceError
from metafuse.sources.base import BATCH_ROWS, Dataset, Rows, Source, check_columns, collect
from metafuse.sources.cells import EMPTY_MARKERS, in_columns, infer_types, plain_batch, to_batch
from metafuse.sources.delimited import read_delimited
from metafuse.sources.files import StoredFile, Tree, hash_file
from metafuse.sources.json_text import read_json, read_json_lines
from metafuse.sources.media import Media
from metafuse.sources.options import SourceOptions
from metafuse.sources.ts_text import SERIES_SUFFIX, read_ts


@dataclass(frozen=True)
class TableSource(Source):
    """One table file.

    Args:
        name: Short name for folders and titles.
        file: The file; its suffix names the format.
        options: How to read it.
        media: Opens the files that cells name.
        tree: The folder or zip that the file and its media lie in, when that is the source.
    """

    name: str
    file: StoredFile
    options: SourceOptions
    media: Media
    tree: Tree | None = None

    @property
    def fingerprint(self) -> str:
        """Hash of the content and of the options it is read with."""
        options = self.options
        read_with = (options.sheet, options.encoding, options.delimiter, options.key, tuple(options.columns))
        content = hash_file(self.file) if self.tree is None else f"{self.file.name}{self.tree.hash()}"
        return hashlib.sha256(f"{content}{read_with}".encode()).hexdigest()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows in record batches."""
        yield from read_table(self.file, self.options).batches

    def read(self) -> Dataset:
        """Read every row.

        Raises:
            SourceError: the file cannot be read in its format, or has no rows.
        """
        return collect(self.name, read_table(self.file, self.options), self.media)


def is_table(name: str) -> bool:
    """Tell by its name whether a file is a table; .json is not, as it may be anything."""
    return PurePosixPath(name).suffix.lower() in _READERS.keys() - {".json"}


def is_readable(name: str) -> bool:
    """Tell by its name whether `read_table` knows its format."""
    return PurePosixPath(name).suffix.lower() in _READERS


def read_table(file: StoredFile, options: SourceOptions) -> Rows:
    """Read a table file in the format its name says.

    Raises:
        SourceError: the format is unknown, or the file is not in it.
    """
    suffix = PurePosixPath(file.name).suffix.lower()
    if suffix not in _READERS:
        raise SourceError(f"'{file.name}' should be one of {', '.join(_READERS)}. Save it as one of these.")
    return _READERS[suffix](file, options)


def _read_csv(file: StoredFile, options: SourceOptions) -> Rows:
    return read_delimited(file, options.delimiter, options.encoding)


def _read_series(file: StoredFile, options: SourceOptions) -> Rows:
    return read_ts([file], options.encoding)


def _read_json_lines(file: StoredFile, options: SourceOptions) -> Rows:
    return read_json_lines(file, options.encoding)


def _read_json(file: StoredFile, options: SourceOptions) -> Rows:
    return read_json(file, options.key, options.columns, options.encoding)


def _read_parquet(file: StoredFile, options: SourceOptions) -> Rows:
    stream = file.open()
    try:
        # A zip member can only seek by unpacking from its start again, so it is unpacked once.
        table = pq.ParquetFile(io.BytesIO(stream.read()) if isinstance(stream, zipfile.ZipExtFile) else stream)
    except (pa.ArrowException, OSError) as err:
        stream.close()
        raise SourceError(f"'{file.name}' should be a Parquet file: {err}. Write it again.") from err
    check_columns(table.schema_arrow.names, f"'{file.name}'")

    def batches() -> Iterator[pa.RecordBatch]:
        with stream:
            for batch in table.iter_batches(BATCH_ROWS):
                yield plain_batch(batch)

    return Rows(batches())


def _read_excel(file: StoredFile, options: SourceOptions) -> Rows:
    try:
        import openpyxl  # type: ignore[import-untyped]
        from openpyxl.utils.exceptions import InvalidFileException  # type: ignore[import-untyped]
    except ImportError as err:
        raise MissingExtraError('Excel files need openpyxl: pip install "metafuse[excel]"') from err
    with file.open() as stream:
        content = io.BytesIO(stream.read())
    try:
        workbook = openpyxl.load_workbook(content, read_only=True, data_only=True)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError) as err:
        raise SourceError(f"'{file.name}' should be an Excel file (.xlsx): {err}. Save it again from Excel.") from err
    sheet = _choose_sheet(file.name, workbook, options.sheet)

    def rows() -> Iterator[dict[str, object]]:
        cells = sheet.iter_rows(values_only=True)
        header = _trim_header(next(cells, ()))
        check_columns(header, f"'{file.name}', sheet '{sheet.title}'")
        for row in cells:
            values = [None if value in EMPTY_MARKERS else value for value in row[: len(header)]]
            if any(value is not None for value in values):
                yield dict(zip(header, values, strict=False))

    types = infer_types(in_columns(rows(), BATCH_ROWS))
    return Rows(to_batch(chunk, types) for chunk in in_columns(rows(), BATCH_ROWS))


def _trim_header(cells: tuple[object, ...]) -> list[str]:
    """Read the first row as names; empty cells to the right of the last name are outside the table."""
    names = ["" if cell is None else str(cell) for cell in cells]
    while names and not names[-1].strip():
        names.pop()
    return names


def _choose_sheet(file_name: str, workbook: Any, sheet: str | None) -> Any:
    sheets = {each.title: each for each in workbook.worksheets}
    if sheet is not None:
        if sheet not in sheets:
            raise ConfigError(f"'{file_name}' has no sheet '{sheet}'. It has: {', '.join(sheets)}. Use one of these.")
        return sheets[sheet]
    filled = [title for title, each in sheets.items() if any(cell is not None for row in each.values for cell in row)]
    if len(filled) == 1:
        return sheets[filled[0]]
    if not filled:
        raise SourceError(f"'{file_name}' has no rows: every sheet is empty. Check that it is the right one.")
    raise SourceError(f"'{file_name}' has several sheets: {', '.join(filled)}. Name one: sheet = \"{filled[0]}\".")


_READERS: dict[str, Callable[[StoredFile, SourceOptions], Rows]] = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".json": _read_json,
    ".parquet": _read_parquet,
    ".xlsx": _read_excel,
    SERIES_SUFFIX: _read_series,
}
