"""Part of another source: only rows with certain values, or only the first ones."""

import hashlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa

from metafuse.errors import ConfigError, SchemaError, SourceError
from metafuse.sources.base import Dataset, Source
from metafuse.sources.cells import to_frame
from metafuse.sources.labels import text_key


@dataclass(frozen=True)
class FilteredSource(Source):
    """Rows of a source whose columns hold one of the wanted values.

    Args:
        name: Short name for folders and titles.
        source: Where the rows come from.
        keep: Column -> values; compared as ids and labels are, so 5, 5.0 and "5" are the same.
        max_rows: Most rows to take, from the start; None for all.
    """

    name: str
    source: Source
    keep: Mapping[str, Sequence[str]]
    max_rows: int | None = None

    def __post_init__(self) -> None:
        if self.max_rows is not None and self.max_rows < 1:
            raise ConfigError(f"max_rows must be at least 1, got {self.max_rows}. Leave it out to take every row.")

    @property
    def fingerprint(self) -> str:
        """Hash of the whole source's fingerprint and of what is kept."""
        kept = [(column, [*values]) for column, values in self.keep.items()]
        return hashlib.sha256(f"{self.source.fingerprint}{kept}{self.max_rows}".encode()).hexdigest()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the kept rows in record batches, and stop reading at the last one."""
        n_left = self.max_rows
        for batch in self.source.batches():
            wanted = np.flatnonzero(self._mask(to_frame(pa.Table.from_batches([batch]))))[:n_left]
            n_left = None if n_left is None else n_left - len(wanted)
            yield batch.take(pa.array(wanted))
            if n_left == 0:
                return

    def read(self) -> Dataset:
        """Read the kept rows.

        Raises:
            SchemaError: a column is not in the source.
            SourceError: no row is kept.
        """
        dataset = self.source.read()
        frame = dataset.frame[self._mask(dataset.frame)].head(self.max_rows)
        if frame.empty:
            raise SourceError(
                f"source '{self.name}' has no row with {_describe(self.keep)}. Check the values under keep."
            )
        if isinstance(frame.index, pd.RangeIndex) or dataset.frame.index.equals(pd.RangeIndex(len(dataset.frame))):
            frame = frame.reset_index(drop=True)
        return replace(dataset, frame=frame)

    def _mask(self, frame: pd.DataFrame) -> np.ndarray:
        mask = np.ones(len(frame), dtype=bool)
        for column, values in self.keep.items():
            if column not in frame:
                known = ", ".join(map(str, frame.columns))
                raise SchemaError(
                    f"keep: source '{self.name}' has no column '{column}'. It has: {known}. Use one of these."
                )
            wanted = set(map(text_key, values))
            mask &= np.array([text_key(value) in wanted for value in frame[column]], dtype=bool)
        return mask


def _describe(keep: Mapping[str, Sequence[str]]) -> str:
    shown = (f"{column} in {list(itertools.islice(values, 5))}" for column, values in keep.items())
    return " and ".join(shown) or "anything in it"
