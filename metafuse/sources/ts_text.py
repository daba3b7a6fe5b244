"""`.ts` files, the text format of sktime and aeon: a header of `@` lines, then one series a line.

    0.1,0.2,0.3:5.0,4.0,6.0:walking     two channels of three steps, then the label

Read here since aeon's own loader puts labels in lower case, ends at the first bad line, and drops the sign of numbers
with time stamps. A series becomes JSON text, one list a channel where there are several, as nested cells do everywhere.
"""

import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import pyarrow as pa

from metafuse.errors import SourceError
from metafuse.sources.base import Dataset, Quarantined, Rows, Source, collect
from metafuse.sources.encoding import scan_text
from metafuse.sources.files import StoredFile, Tree, hash_file

SERIES_SUFFIX = ".ts"
BATCH_SERIES = 512
_GAPS = frozenset(("?", "nan", ""))
_SHOWN_CHARS = 20


@dataclass(frozen=True)
class _Header:
    """What the `@` lines say.

    Args:
        outcome: Name of the column that the last field of a line goes to, "label" or "target"; None where it has none.
        classes: The labels it lists.
    """

    outcome: str | None
    classes: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True)
class TsSource(Source):
    """Several `.ts` files of one folder or zip, such as a training and a test file.

    Args:
        name: Short name for folders and titles.
        files: The files.
        encoding: Python's name of their encoding; None for UTF-8.
        tree: Where they lie.
    """

    name: str
    files: tuple[StoredFile, ...]
    encoding: str | None
    tree: Tree

    @property
    def fingerprint(self) -> str:
        """Hash of the files' names and contents, and of the encoding."""
        contents = [(file.name, hash_file(file)) for file in self.files]
        return hashlib.sha256(f"{contents}{self.encoding}".encode()).hexdigest()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the series in record batches."""
        yield from read_ts(self.files, self.encoding).batches

    def read(self) -> Dataset:
        """Read every series.

        Raises:
            SourceError: a file is not in the format, or there is no series.
        """
        return collect(self.name, read_ts(self.files, self.encoding), self.tree.media("", ()))


def read_ts(files: Sequence[StoredFile], encoding: str | None = None) -> Rows:
    """Read one or several `.ts` files; lines that are no series are quarantined.

    Args:
        files: The files; where there are several, a column "file" says which one a row is from.
        encoding: Python's name of the encoding; None for UTF-8.
    Returns:
        Rows with the columns "series" and, as the headers say, "label" (text) or "target" (a number).
    Raises:
        SourceError: a file is not text, has no `@data` line, has time stamps, or the files differ in what they hold.
    """
    headers = {}
    encodings = {}
    for file in files:
        encodings[file.name] = scan_text(file, encoding).encoding
        headers[file.name] = _read_header(file, encodings[file.name])
    outcomes = {header.outcome for header in headers.values()}
    if len(outcomes) > 1:
        held = ", ".join(f"'{name}': {header.outcome or 'none'}" for name, header in headers.items())
        raise SourceError(f"the files of one source should all hold labels or none, got {held}. Read them one by one.")
    quarantine: list[Quarantined] = []
    kinds = {"label": pa.string(), "target": pa.float64()}
    names = {"series": pa.string()} | {name: kinds[name] for name in outcomes if name is not None}
    schema = pa.schema([*names.items(), *([("file", pa.string())] if len(files) > 1 else [])])

    def batches() -> Iterator[pa.RecordBatch]:
        for file in files:
            at = f"{file.name}, " if len(files) > 1 else ""
            rows = _rows(file, encodings[file.name], headers[file.name], at, quarantine)
            chunk = []
            for row in rows:
                chunk.append(row | {"file": PurePosixPath(file.name).name})
                if len(chunk) == BATCH_SERIES:
                    yield pa.RecordBatch.from_pylist(chunk, schema)
                    chunk = []
            yield pa.RecordBatch.from_pylist(chunk, schema)

    return Rows(batches(), quarantine)


def _lines(file: StoredFile, encoding: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that are neither blank nor a comment, with their numbers."""
    python_name = "utf-8-sig" if encoding == "utf-8" else encoding
    with io.TextIOWrapper(file.open(), encoding=python_name) as stream:  # type: ignore[type-var]
        for number, line in enumerate(stream, start=1):
            if line.strip() and not line.startswith("#"):
                yield number, line.strip()


def _read_header(file: StoredFile, encoding: str) -> _Header:
    outcome: str | None = None
    classes: frozenset[str] = frozenset()
    for number, line in _lines(file, encoding):
        key, *values = line.split()
        if key.lower() == "@data":
            return _Header(outcome, classes)
        if not key.startswith("@"):
            raise SourceError(
                f"'{file.name}' should begin with @ lines and then @data, got '{line[:_SHOWN_CHARS]}' in line "
                f"{number}. Check that it is a series file."
            )
        is_true = bool(values) and values[0].lower() == "true"
        if key.lower() == "@timestamps" and is_true:
            raise SourceError(
                f"'{file.name}' has time stamps beside its values, which are not read. "
                "Save it as a table of id, time and values, and name these under [source.long]."
            )
        if key.lower() == "@classlabel" and is_true:
            outcome, classes = "label", frozenset(values[1:])
        if key.lower() == "@targetlabel" and is_true:
            outcome = "target"
    raise SourceError(f"'{file.name}' has no @data line, after which the series come. Check that it is a series file.")


def _rows(
    file: StoredFile, encoding: str, header: _Header, at: str, quarantine: list[Quarantined]
) -> Iterator[dict[str, object]]:
    in_data = False
    for number, line in _lines(file, encoding):
        if in_data:
            try:
                yield _row(line, header)
            except ValueError as err:
                quarantine.append(Quarantined(f"{at}line {number}", None, str(err)))
        in_data = in_data or line.lower() == "@data"


def _row(line: str, header: _Header) -> dict[str, object]:
    channels = line.split(":")
    row: dict[str, object] = {}
    if header.outcome is not None:
        outcome = channels.pop().strip()
        if not channels:
            raise ValueError(f"has one field, and a series and a {header.outcome} are expected")
        if header.classes and outcome not in header.classes:
            raise ValueError(f"its label '{outcome[:_SHOWN_CHARS]}' is none of the header's")
        row[header.outcome] = _number(outcome) if header.outcome == "target" else outcome
    values = [[_number(value) for value in channel.split(",")] for channel in channels]
    row["series"] = json.dumps(values if len(values) > 1 else values[0])
    return row


def _number(text: str) -> float | None:
    text = text.strip()
    if text.lower() in _GAPS:
        return None
    try:
        return float(text)
    except ValueError as err:
        raise ValueError(f"holds '{text[:_SHOWN_CHARS]}', which is no number") from err
