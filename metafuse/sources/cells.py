"""Cells: Python values and Arrow columns brought to the few types a frame holds.

Text, numbers, booleans, times and bytes stay what they are; an image struct of bytes and path stays a
struct; decimals become floats, dates become times, and anything nested becomes JSON text.
"""

import datetime as dt
import itertools
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

EMPTY_MARKERS = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "#N/A")
"""What a whole cell says, in formats that know only text, when it says nothing."""

TIME = pa.timestamp("us")
LARGEST_EXACT = 2**53
"""Whole numbers above this are not exact as floats, and a gap in the column makes it one of floats."""

Types = dict[str, pa.DataType]
Columns = Mapping[str, Sequence[object]]

_PYTHON_TYPES: tuple[tuple[tuple[type, ...], pa.DataType], ...] = (
    ((type(None),), pa.null()),
    ((bool, np.bool_), pa.bool_()),
    ((int, np.integer), pa.int64()),
    ((float, np.floating, Decimal), pa.float64()),
    ((dt.date, np.datetime64), TIME),  # a datetime is a date too
    ((bytes,), pa.binary()),
)


def in_columns(rows: Iterable[Mapping[str, object]], n_rows: int) -> Iterator[dict[str, list[object]]]:
    """Turn rows into column-wise chunks of at most `n_rows`, absent keys filled with None."""
    iterator = iter(rows)
    while chunk := list(itertools.islice(iterator, n_rows)):
        names = dict.fromkeys(itertools.chain.from_iterable(chunk))
        yield {name: [row.get(name) for row in chunk] for name in names}


def infer_types(chunks: Iterable[Columns]) -> Types:
    """Find one type for each column that fits its values in every chunk; mixed columns are text."""
    types: Types = {}
    for chunk in chunks:
        for name, values in chunk.items():
            types[name] = common_type(types.get(name, pa.null()), type_of(values))
    return {name: pa.string() if kind == pa.null() else kind for name, kind in types.items()}


def type_of(values: Sequence[object]) -> pa.DataType:
    """Find the narrowest type that holds these Python values."""
    found = pa.null()
    for python_type in set(map(type, values)):
        matches = (kind for python_types, kind in _PYTHON_TYPES if issubclass(python_type, python_types))
        found = common_type(found, next(matches, pa.string()))
    if found == pa.int64() and any(abs(value) >= 2**63 for value in values if value is not None):  # type: ignore[arg-type]
        return pa.string()
    return found


def common_type(first: pa.DataType, second: pa.DataType) -> pa.DataType:
    """Find the type that holds values of both: text where nothing else does."""
    if first == second or second == pa.null():
        return first
    if first == pa.null():
        return second
    return pa.float64() if {first, second} == {pa.int64(), pa.float64()} else pa.string()


def to_batch(columns: Columns, types: Types) -> pa.RecordBatch:
    """Convert a chunk to the types found by `infer_types`; absent columns are missing throughout."""
    n_rows = len(next(iter(columns.values()), ()))
    arrays = [to_array(columns.get(name, [None] * n_rows), kind) for name, kind in types.items()]
    return pa.RecordBatch.from_arrays(arrays, names=list(types))


def to_array(values: Sequence[object], kind: pa.DataType) -> pa.Array:
    """Convert Python values to an Arrow column."""
    if kind == pa.string():
        return pa.array([as_text(value) for value in values], kind)
    if kind == pa.float64():
        return pa.array([None if value is None else float(value) for value in values], kind, from_pandas=True)  # type: ignore[arg-type]
    if kind == TIME:
        return pa.array([_as_time(value) for value in values], kind, from_pandas=True)
    return pa.array(values, kind, from_pandas=True)


def is_missing(value: object) -> bool:
    """Tell whether a single value stands for nothing."""
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value))


def as_text(value: object) -> str | None:
    """Write a value as text: nested ones as JSON, missing ones as None."""
    if is_missing(value):
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, (Mapping, list, tuple, np.ndarray)):
        plain = value.tolist() if isinstance(value, np.ndarray) else value
        return json.dumps(plain, ensure_ascii=False, default=str)
    return str(value)


def _as_time(value: object) -> object:
    """Bring a date or a time with a zone to a time in UTC without one."""
    if isinstance(value, dt.datetime) and value is not pd.NaT and value.tzinfo is not None:
        return value.astimezone(dt.UTC).replace(tzinfo=None)
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return dt.datetime.combine(value, dt.time())
    return value


def plain_batch(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Bring every column of a batch to a type that a frame holds."""
    return pa.RecordBatch.from_arrays([plain(column) for column in batch.columns], names=batch.schema.names)


def plain(column: pa.Array) -> pa.Array:
    """Bring an Arrow column to a type that a frame holds."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return plain(column.dictionary_decode())
    if isinstance(kind, pa.BaseExtensionType):
        return plain(column.storage)
    target = _plain_type(kind)
    if target is None:
        return pa.array([as_text(value) for value in column.to_pylist()], pa.string())
    return column if target == kind else column.cast(target)


def _plain_type(kind: pa.DataType) -> pa.DataType | None:
    """Find the type to cast to; None where values must be written as text one by one."""
    found = [target for is_kind, target in _PLAIN_TYPES if is_kind(kind)]
    return (found[0] or kind) if found else (kind if is_image(kind) else None)


def is_image(kind: pa.DataType) -> bool:
    """Tell whether a column holds media as the `datasets` library stores them, bytes beside a path."""
    return pa.types.is_struct(kind) and {field.name for field in kind} == {"bytes", "path"}


def to_frame(table: pa.Table) -> pd.DataFrame:
    """Convert plain columns to pandas; a blank text is a missing one."""
    return pd.DataFrame({name: _series(table[name]) for name in table.column_names})


def _series(column: pa.ChunkedArray) -> pd.Series:
    if column.type == pa.string():
        blank = pc.equal(pc.utf8_trim_whitespace(column), "")
        column = pc.if_else(blank, pa.scalar(None, pa.string()), column)
    elif pa.types.is_integer(column.type) and column.null_count and _largest(column) > LARGEST_EXACT:
        column = column.cast(pa.string())
    return column.to_pandas()


def _largest(column: pa.ChunkedArray) -> int:
    limits = pc.min_max(column).as_py()
    return max((abs(limit) for limit in limits.values() if limit is not None), default=0)


_PLAIN_TYPES: tuple[tuple[Callable[[pa.DataType], bool], pa.DataType | None], ...] = (
    (pa.types.is_boolean, None),
    (pa.types.is_integer, None),
    (pa.types.is_timestamp, None),
    (pa.types.is_floating, pa.float64()),
    (pa.types.is_decimal, pa.float64()),
    (pa.types.is_date, TIME),
    (pa.types.is_string, None),
    (pa.types.is_large_string, pa.string()),
    (pa.types.is_string_view, pa.string()),
    (pa.types.is_null, pa.string()),
    (pa.types.is_binary, None),
    (pa.types.is_large_binary, pa.binary()),
    (pa.types.is_fixed_size_binary, pa.binary()),
    (pa.types.is_binary_view, pa.binary()),
)
"""What is kept (None) or cast, by kind; whatever is in no line becomes text, image structs excepted."""
