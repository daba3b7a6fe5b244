"""Rows handed over in memory: pandas, polars and pyarrow tables, one row, or a list of rows."""

import hashlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from metafuse.errors import SourceError
from metafuse.sources.base import BATCH_ROWS, Dataset, Source, check_columns
from metafuse.sources.cells import Types, infer_types, is_missing, plain_batch, to_array, to_frame
from metafuse.sources.media import Media, MediaError


@dataclass(frozen=True, eq=False)
class MemorySource(Source):
    """A table in memory.

    Args:
        name: Short name for folders and titles.
        frame: The rows, never changed.
        media: Opens the files that cells name.
    """

    name: str
    frame: pd.DataFrame
    media: Media

    @property
    def fingerprint(self) -> str:
        """Hash of the index and of every cell."""
        digest = hashlib.sha256(pd.util.hash_pandas_object(self.frame.index).to_numpy().tobytes())
        for batch in self.batches():
            digest.update(str(batch.schema).encode())
            digest.update(batch.serialize())
        return digest.hexdigest()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows in record batches; images become the bytes of a PNG file."""
        values = {str(name): _as_values(column, self.media) for name, column in self.frame.items()}
        types: Types = infer_types([{name: each for name, each in values.items() if isinstance(each, list)}])
        for start in range(0, len(self.frame), BATCH_ROWS):
            arrays = []
            for name, each in values.items():
                rows = each[start : start + BATCH_ROWS]
                if isinstance(rows, list):
                    arrays.append(to_array(rows, types[name]))
                else:
                    array = pa.Array.from_pandas(rows)  # in pieces where the rows were put together from several
                    arrays.append(array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array)
            yield plain_batch(pa.RecordBatch.from_arrays(arrays, names=list(values)))

    def read(self) -> Dataset:
        """Hand over the rows under the caller's index, or by position where the index repeats.

        Raises:
            SourceError: there is no row or no column.
        """
        if self.frame.empty:
            raise SourceError(
                f"source '{self.name}' has no rows: at least one row with one column is needed. Add rows."
            )
        frame = pd.DataFrame({str(name): _blank_to_missing(column) for name, column in self.frame.items()})
        if not frame.index.is_unique:
            frame.index = pd.RangeIndex(len(frame))
        return Dataset(self.name, frame, self.media)


def read_memory(source: object, name: str, media: Media) -> MemorySource | None:
    """Take an object for a table, if it is one.

    Args:
        source: A pandas or polars DataFrame, a pyarrow Table or RecordBatch, a pandas Series or mapping that
            is one row, or a sequence of mappings.
        name: Short name for folders and titles.
        media: Opens the files that cells name.
    Returns:
        The source, or None for any other object.
    Raises:
        SourceError: columns without a name, or two with the same.
    """
    frame = _as_frame(source)
    if frame is None:
        return None
    check_columns([str(column) for column in frame.columns], f"source '{name}'")
    return MemorySource(name, frame, media)


def _as_frame(source: object) -> pd.DataFrame | None:
    if isinstance(source, pd.DataFrame):
        return source
    if isinstance(source, pd.Series):
        return _rows_to_frame([source.to_dict()]).set_index(pd.Index([source.name if source.name is not None else 0]))
    if isinstance(source, Mapping):
        return _rows_to_frame([source])
    if isinstance(source, pa.RecordBatch):
        source = pa.Table.from_batches([source])
    polars = sys.modules.get("polars")  # an object of a library that nobody imported cannot be passed in
    if polars is not None and isinstance(source, polars.DataFrame):
        source = source.to_arrow()
    if isinstance(source, pa.Table):
        check_columns(source.column_names, "the table")
        batches = [plain_batch(batch) for batch in source.to_batches()]
        schema = plain_batch(pa.RecordBatch.from_pylist([], source.schema)).schema
        return to_frame(pa.Table.from_batches(batches, batches[0].schema if batches else schema))
    if isinstance(source, Sequence) and source and all(isinstance(row, Mapping) for row in source):
        return _rows_to_frame(source)
    return None


def _rows_to_frame(rows: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    names = dict.fromkeys(name for row in rows for name in row)
    return pd.DataFrame({name: pd.Series([row.get(name) for row in rows]) for name in names})


def _blank_to_missing(column: pd.Series) -> pd.Series:
    if isinstance(column.dtype, pd.StringDtype):
        return column.mask(column.str.strip() == "")
    if column.dtype != object:
        return column
    kept = [None if isinstance(value, str) and not value.strip() else value for value in column]
    if all(isinstance(value, str) or is_missing(value) for value in kept):
        return pd.Series(kept, index=column.index, dtype="str")
    return pd.Series(kept, index=column.index, dtype=object)


def _as_values(column: pd.Series, media: Media) -> list[object] | pd.Series:
    """Turn a column of objects into values that Arrow knows; other columns are left to pyarrow."""
    if column.dtype != object:
        return column
    return [None if is_missing(value) else _as_value(value, media) for value in column]


def _as_value(value: object, media: Media) -> object:
    is_picture = hasattr(value, "convert") or (isinstance(value, np.ndarray) and value.dtype == np.uint8)
    if not is_picture:
        return value
    try:
        return media.read(value)
    except MediaError as err:
        return str(err)
