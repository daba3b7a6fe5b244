"""CSV and TSV files, read twice in a stream: to find types and bad lines, and to hand the rows on."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from metafuse.errors import ConfigError, SourceError
from metafuse.sources.base import Quarantined, Rows, check_columns
from metafuse.sources.cells import EMPTY_MARKERS
from metafuse.sources.encoding import TextScan, scan_text
from metafuse.sources.files import StoredFile

DELIMITERS = (",", ";", "\t", "|")
BLOCK_BYTES = 4 * 2**20
_SAMPLE_BYTES = 2**16
_SAMPLE_ROWS = 50

# Longer numbers are identifiers, which a float would change; a leading zero or plus marks a code.
_WHOLE = r"^-?(0|[1-9][0-9]{0,14})$"
_NUMBER = r"^-?((0|[1-9][0-9]{0,14})(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"


@dataclass(frozen=True)
class _Format:
    header: tuple[str, ...]
    delimiter: str
    encoding: str


@dataclass
class _Scan:
    """What the first pass finds: bad rows, line breaks inside cells, and what each column could be."""

    bad: list[pa_csv.InvalidRow] = field(default_factory=list)
    breaks: list[tuple[int, int]] = field(default_factory=list)
    n_good: int = 0
    n_blank: int = 0
    kinds: list[pa.DataType] = field(default_factory=list)


def read_delimited(file: StoredFile, delimiter: str | None = None, encoding: str | None = None) -> Rows:
    """Read a CSV or TSV file; rows with too many or too few fields are quarantined by line.

    Args:
        file: The file; its first line names the columns.
        delimiter: Character between fields; None finds it among comma, semicolon, tab and bar.
        encoding: Python's name of the encoding; None for UTF-8.
    Raises:
        ConfigError: the delimiter is not one character, or the encoding is unknown.
        SourceError: the file is empty, has no rows, a wrong encoding, bad column names, an open quote, or
            more ragged lines than whole ones.
    """
    if delimiter is not None and len(delimiter) != 1:
        raise ConfigError(f"delimiter {delimiter!r} must be one character, such as ';'.")
    text = scan_text(file, encoding)
    form = _read_header(file, text.encoding, delimiter)
    scan = _scan(file, form)
    _check_quotes(file, text, scan)
    quarantine = _quarantine(scan, form)
    n_rows = scan.n_good - scan.n_blank
    if not n_rows and not quarantine:
        raise SourceError(f"'{file.name}' has no rows: there is a header and nothing below it. Add rows.")
    if len(quarantine) > n_rows:
        raise SourceError(
            f"'{file.name}': the header has {len(form.header)} columns divided by {form.delimiter!r}, but "
            f"{len(quarantine)} of {len(quarantine) + n_rows} rows have another number, the first at "
            f"{quarantine[0].row_id}. Set the delimiter in a task file, or quote cells that hold it."
        )
    return Rows(_typed_batches(file, form, scan.kinds), quarantine)


def _read_header(file: StoredFile, encoding: str, delimiter: str | None) -> _Format:
    with file.open() as stream:
        sample = stream.read(_SAMPLE_BYTES)
    text = sample.decode(encoding, errors="ignore").removeprefix("\ufeff")
    lines = text.splitlines(keepends=True)
    if len(sample) == _SAMPLE_BYTES and len(lines) > 1:
        lines = lines[:-1]
    delimiter = delimiter or _sniff_delimiter(lines)
    header = next(csv.reader(io.StringIO("".join(lines), newline=""), delimiter=delimiter), [])
    check_columns(header or [""], f"'{file.name}'")
    return _Format(tuple(header), delimiter, encoding)


def _sniff_delimiter(lines: list[str]) -> str:
    """Choose the delimiter that gives most rows as many fields as the header, and at least two."""
    ranks: list[tuple[float, int, str]] = []
    for delimiter in DELIMITERS:
        rows = csv.reader(io.StringIO("".join(lines), newline=""), delimiter=delimiter)
        n_fields = [len(row) for row, _ in zip(rows, range(_SAMPLE_ROWS), strict=False) if row]
        if n_fields and n_fields[0] > 1:
            ranks.append((n_fields.count(n_fields[0]) / len(n_fields), n_fields[0], delimiter))
    return max(ranks, key=lambda rank: rank[:2], default=(0, 0, ","))[2]


def _string_batches(file: StoredFile, form: _Format, bad: list[pa_csv.InvalidRow]) -> Iterator[pa.RecordBatch]:
    def set_aside(row: pa_csv.InvalidRow) -> str:
        bad.append(row)
        return "skip"

    with file.open() as stream:
        try:
            yield from pa_csv.open_csv(
                stream,
                # Row numbers are only known when one thread reads.
                pa_csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES, encoding=form.encoding),
                # Empty lines come as rows without values, so that lines can be counted.
                pa_csv.ParseOptions(
                    delimiter=form.delimiter,
                    newlines_in_values=True,
                    ignore_empty_lines=False,
                    invalid_row_handler=set_aside,
                ),
                pa_csv.ConvertOptions(column_types=dict.fromkeys(form.header, pa.string()), strings_can_be_null=False),
            )
        except pa.ArrowInvalid as err:
            if "straddl" in str(err):
                raise SourceError(
                    f"'{file.name}': a row is longer than {BLOCK_BYTES:,} bytes, most likely because a quoted cell is "
                    "never closed. Close the quote."
                ) from err
            if "Empty CSV" in str(err):
                raise SourceError(
                    f"'{file.name}' has no rows: there is a header and nothing below it. Add rows."
                ) from err
            raise SourceError(f"'{file.name}' cannot be read as CSV: {err}. Check the file.") from err


def _scan(file: StoredFile, form: _Format) -> _Scan:
    scan = _Scan(kinds=[pa.null()] * len(form.header))
    for batch in _string_batches(file, form, scan.bad):
        n_breaks = sum(pc.count_substring(column, "\n").to_numpy() for column in batch.columns)
        scan.breaks += [(scan.n_good + int(row), int(n_breaks[row])) for row in n_breaks.nonzero()[0]]
        scan.kinds = [
            kind if kind == pa.string() else _widen(kind, column)
            for kind, column in zip(scan.kinds, batch.columns, strict=True)
        ]
        scan.n_good += batch.num_rows
        scan.n_blank += batch.num_rows - _drop_blank(batch).num_rows
    scan.kinds = [pa.string() if kind == pa.null() else kind for kind in scan.kinds]
    return scan


def _widen(kind: pa.DataType, column: pa.Array) -> pa.DataType:
    """Find the type that fits both the column so far and these values."""
    values, empty = _trim(column)
    values = values.filter(pc.invert(empty))
    if not len(values):
        return kind
    if kind != pa.float64() and pc.all(pc.match_substring_regex(values, _WHOLE)).as_py():
        return pa.int64()
    return pa.float64() if pc.all(pc.match_substring_regex(values, _NUMBER)).as_py() else pa.string()


def _trim(column: pa.Array) -> tuple[pa.Array, pa.Array]:
    values = pc.utf8_trim_whitespace(column)
    return values, pc.is_in(values, pa.array(EMPTY_MARKERS))


def _drop_blank(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Leave out rows without any value, as empty lines are."""
    blank = pc.equal(batch.column(0), "")
    for column in batch.columns[1:]:
        if not pc.any(blank).as_py():
            return batch
        blank = pc.and_(blank, pc.equal(column, ""))
    return batch.filter(pc.invert(blank))


def _typed_batches(file: StoredFile, form: _Format, kinds: list[pa.DataType]) -> Iterator[pa.RecordBatch]:
    for batch in map(_drop_blank, _string_batches(file, form, [])):
        arrays = []
        for column, kind in zip(batch.columns, kinds, strict=True):
            trimmed, empty = _trim(column)
            filled = pc.if_else(empty, pa.scalar(None, pa.string()), column if kind == pa.string() else trimmed)
            arrays.append(filled.cast(kind))
        yield pa.RecordBatch.from_arrays(arrays, names=list(form.header))


def _quarantine(scan: _Scan, form: _Format) -> list[Quarantined]:
    """Name the bad rows by their line, which line breaks inside earlier cells move down."""
    quarantine: list[Quarantined] = []
    n_breaks = sum(name.count("\n") for name in form.header)
    breaks = iter([*scan.breaks, (scan.n_good, 0)])
    row, n_row_breaks = next(breaks)
    for n_before, bad in enumerate(scan.bad):
        n_good_before = bad.number - 2 - n_before  # row 1 is the header
        while row < n_good_before:
            n_breaks += n_row_breaks
            row, n_row_breaks = next(breaks)
        reason = f"has {bad.actual_columns} fields, the header has {bad.expected_columns}"
        quarantine.append(Quarantined(f"line {bad.number + n_breaks}", None, reason))
        n_breaks += bad.text.count("\n")
    return quarantine


def _check_quotes(file: StoredFile, text: TextScan, scan: _Scan) -> None:
    """Refuse a file whose last row runs over several lines while its quotes do not pair up."""
    last_is_bad = bool(scan.bad) and scan.bad[-1].number == scan.n_good + len(scan.bad) + 1
    n_lines = scan.bad[-1].text.count("\n") if last_is_bad else dict(scan.breaks).get(scan.n_good - 1, 0)
    if text.n_quotes % 2 and n_lines:
        raise SourceError(
            f"'{file.name}': a quote opened about {n_lines} lines before the end of the file is never closed, so the "
            'lines after it run together. Close the quote, or write a quote inside a quoted cell as "".'
        )
