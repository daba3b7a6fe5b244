"""JSON files: one object per line, an array of objects, or an object that holds arrays."""

import io
import json
from collections.abc import Iterator, Sequence

import pyarrow as pa

from metafuse.errors import ConfigError, SourceError
from metafuse.sources.base import BATCH_ROWS, Quarantined, Rows, check_columns
from metafuse.sources.cells import Types, in_columns, infer_types, to_batch
from metafuse.sources.encoding import scan_text
from metafuse.sources.files import StoredFile

Row = dict[str, object]


def read_json_lines(file: StoredFile, encoding: str | None = None) -> Rows:
    """Read a file with one JSON object per line, twice in a stream; bad lines are quarantined.

    Raises:
        SourceError: the file is empty, has a wrong encoding, or more bad lines than good ones.
    """
    python_encoding = scan_text(file, encoding).encoding
    quarantine: list[Quarantined] = []
    n_rows = 0

    def counted() -> Iterator[Row]:
        nonlocal n_rows
        for row in _lines(file, python_encoding, quarantine):
            n_rows += 1
            yield row

    types = infer_types(in_columns(counted(), BATCH_ROWS))
    if len(quarantine) > n_rows:
        raise SourceError(
            f"'{file.name}' should hold one JSON object per line, but {len(quarantine)} of "
            f"{len(quarantine) + n_rows} lines do not, the first at {quarantine[0].row_id}: {quarantine[0].reason}. "
            "If it is one JSON document, name it .json."
        )
    check_columns(list(types) or ["(none)"], f"'{file.name}'")
    return Rows(_batches(_lines(file, python_encoding, []), types), quarantine)


def _lines(file: StoredFile, encoding: str, quarantine: list[Quarantined]) -> Iterator[Row]:
    python_name = "utf-8-sig" if encoding == "utf-8" else encoding
    with io.TextIOWrapper(file.open(), encoding=python_name) as stream:  # type: ignore[type-var]
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as err:
                quarantine.append(Quarantined(f"line {number}", None, f"is not JSON ({err})"))
                continue
            if isinstance(row, dict) and row:
                yield row
            else:
                quarantine.append(Quarantined(f"line {number}", None, "is not a JSON object with fields"))


def read_json(
    file: StoredFile, key: str | None = None, columns: Sequence[str] = (), encoding: str | None = None
) -> Rows:
    """Read one JSON document, which is held in memory as a whole.

    Args:
        file: The file: an array of rows, or an object with arrays of rows.
        key: Of an object, the key that holds the rows; several, with commas between, are joined.
        columns: Names of the fields where rows are arrays.
        encoding: Python's name of the encoding; None for UTF-8.
    Raises:
        ConfigError: the key is not in the object.
        SourceError: it is not JSON, or holds no rows in one of these forms.
    """
    python_encoding = scan_text(file, encoding).encoding
    with file.open() as stream:
        content = stream.read().decode("utf-8-sig" if python_encoding == "utf-8" else python_encoding)
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as err:
        raise SourceError(
            f"'{file.name}' should be a JSON document: {err}. Name it .jsonl if it has one per line."
        ) from err
    quarantine: list[Quarantined] = []
    rows = list(_named_rows(_select(file.name, document, key), columns, quarantine))
    if len(quarantine) > len(rows):
        first = quarantine[0]
        raise SourceError(
            f"'{file.name}': rows should be objects, or arrays whose fields 'columns' names, but {len(quarantine)} of "
            f"{len(quarantine) + len(rows)} are not; {first.row_id} {first.reason}. Set columns in a task file."
        )
    types = infer_types(in_columns(rows, BATCH_ROWS))
    check_columns(list(types) or ["(none)"], f"'{file.name}'")
    return Rows(_batches(iter(rows), types), quarantine)


def _select(file_name: str, document: object, key: str | None) -> list[object]:
    """Find the array of rows in a document."""
    if isinstance(document, list) and key is None:
        return document
    arrays = [name for name, value in document.items() if isinstance(value, list)] if isinstance(document, dict) else []
    if not isinstance(document, dict) or not arrays:
        raise SourceError(
            f"'{file_name}' should be an array of rows, or with a key an object that holds some, "
            f"got {type(document).__name__}. Rewrite it, or use one object per line (.jsonl)."
        )
    if key is None:
        raise SourceError(
            f"'{file_name}' is an object with the arrays {', '.join(arrays)}. Name one: key = \"{arrays[0]}\"."
        )
    names = [name.strip() for name in key.split(",")]
    unknown = [name for name in names if name not in arrays]
    if unknown:
        raise ConfigError(
            f"key '{unknown[0]}' is no array in '{file_name}'. It has: {', '.join(arrays)}. Use one of these."
        )
    return [row for name in names for row in document[name]]


def _named_rows(rows: Sequence[object], columns: Sequence[str], quarantine: list[Quarantined]) -> Iterator[Row]:
    for number, row in enumerate(rows, start=1):
        if isinstance(row, dict) and row:
            yield row
        elif isinstance(row, list) and columns and len(row) == len(columns):
            yield dict(zip(columns, row, strict=True))
        elif isinstance(row, list) and columns:
            quarantine.append(
                Quarantined(f"row {number}", None, f"has {len(row)} fields, 'columns' names {len(columns)}")
            )
        else:
            quarantine.append(Quarantined(f"row {number}", None, "is not an object with fields"))


def _batches(rows: Iterator[Row], types: Types) -> Iterator[pa.RecordBatch]:
    for chunk in in_columns(rows, BATCH_ROWS):
        yield to_batch(chunk, types)
