"""A long table, one row a moment, as one row a series: the readings of one machine, patient or meter side by side.

    id, time, value, value, label  ->  id, label, series

Moments are put in order. Where they are not evenly spaced, values are read off straight lines between them on an even
grid of the source's usual step; a stretch of the grid without a moment nearby is a gap. Columns that say one thing
throughout each series become columns of its row.
"""

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
from jaxtyping import Float, Int

from metafuse.errors import SchemaError, SourceError
from metafuse.sources.base import BATCH_ROWS, Dataset, Quarantined, Source
from metafuse.sources.cells import plain_batch
from metafuse.sources.options import LongTable
from metafuse.written_values import find_blank, find_date_order, find_decimal_sign, read_dates, read_numbers

log = logging.getLogger(__name__)

SERIES = "series"
EVEN = 0.01
"""Share of a step that a moment may lie beside the grid."""

NEARBY_STEPS = 1.5
"""Steps from the nearest moment past which a place of the grid is a gap."""

SPARSEST = 20
"""Places of the grid for each moment past which a series is refused: one wrong date would make it endless."""


@dataclass(frozen=True)
class LongReport:
    """What was done to make series of a long table.

    Args:
        n_series: Series made.
        n_unordered: Of these, those whose moments were not in order.
        n_resampled: Of these, those whose moments were not evenly spaced, or at another step than the others.
        n_gaps: Values that are missing in the series as made.
        step: Length of a step, in seconds where moments are times, else in their own unit.
        varying: Columns left out since they vary within a series.
    """

    n_series: int
    n_unordered: int
    n_resampled: int
    n_gaps: int
    step: float
    varying: tuple[str, ...]

    def in_words(self) -> str:
        """Say what was done, in one sentence."""
        said = [f"{self.n_series:,} series made, one step {self.step:g}"]
        said += [f"moments put in order in {self.n_unordered:,}"] if self.n_unordered else []
        said += [f"resampled to even steps {self.n_resampled:,}"] if self.n_resampled else []
        said += [f"{self.n_gaps:,} values missing"] if self.n_gaps else []
        said += [f"left out as varying within a series: {', '.join(self.varying)}"] if self.varying else []
        return "; ".join(said)


@dataclass(frozen=True)
class LongSource(Source):
    """Series made of the rows of another source.

    Args:
        name: Short name for folders and titles.
        source: Where the rows come from; read as a whole, since a series' moments may lie anywhere in it.
        long: Its columns.
    """

    name: str
    source: Source
    long: LongTable

    @property
    def fingerprint(self) -> str:
        """Hash of the long table's fingerprint and of how it is read."""
        return hashlib.sha256(f"{self.source.fingerprint}{self.long}".encode()).hexdigest()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the series in record batches."""
        table = pa.Table.from_pandas(self.read().frame, preserve_index=False)
        for batch in table.to_batches(BATCH_ROWS):
            yield plain_batch(batch)

    def read(self) -> Dataset:
        """Read every series; what was done is logged, and `make_series` returns it.

        Raises:
            SchemaError: a column is not in the source.
            SourceError: no series is whole.
        """
        dataset = self.source.read()
        frame, quarantine, report = make_series(dataset.frame, self.long, self.name)
        if frame.empty:
            raise SourceError(
                f"source '{self.name}' has no series: at least one id with times and values is needed; "
                f"{quarantine[0].row_id}: {quarantine[0].reason}. Check the columns under [source.long]."
            )
        log.info("source '%s': %s", self.name, report.in_words())
        return replace(dataset, frame=frame, quarantine=(*dataset.quarantine, *quarantine))


def make_series(
    frame: pd.DataFrame, long: LongTable, name: str
) -> tuple[pd.DataFrame, tuple[Quarantined, ...], LongReport]:
    """Make one row for each id of a long table.

    Args:
        frame: One row a moment.
        long: Its columns.
        name: Of the source, for messages.
    Returns:
        The rows in the order in which ids come; the ids that were refused, and why; and what was done.
    Raises:
        SchemaError: a column is not in the table.
    """
    _check_columns(frame, long, name)
    groups, quarantine = _split_by_id(frame, long)
    ordered = {key: moments.in_order() for key, moments in groups.items()}
    step = long.step or _usual_step([moments.times for moments in ordered.values()])
    cells: dict[object, str] = {}
    n_unordered = n_resampled = n_gaps = 0
    for key, moments in ordered.items():
        times, values = moments.times, moments.values
        is_even = bool(np.abs(np.diff(times) - step).max() <= EVEN * step)
        n_places = (times[-1] - times[0]) / step + 1
        if not is_even and n_places > SPARSEST * len(times):
            reason = f"spans {n_places:,.0f} steps of {step:g} with {len(times):,} moments; a time may be wrong"
            quarantine.append(Quarantined(str(key), long.time, reason))
            continue
        series = values if is_even else _on_grid(times, values, step)
        cells[key] = _as_json(series)
        n_unordered += bool((np.diff(groups[key].times) < 0).any())
        n_resampled += not is_even
        n_gaps += int(np.isnan(series).sum())
    made, varying = _one_row_each(frame, long, cells)
    return made, tuple(quarantine), LongReport(len(cells), n_unordered, n_resampled, n_gaps, step, varying)


@dataclass(frozen=True)
class _Moments:
    """Times and readings of a table or of one id; NaN where missing or unreadable.

    Args:
        times: When.
        values: One row a channel.
        faults: Column of each moment that holds something unreadable, or a missing time; "" where none does.
    """

    times: Float[np.ndarray, " n"]
    values: Float[np.ndarray, "n_channels n"]
    faults: np.ndarray

    def take(self, rows: Int[np.ndarray, " m"]) -> "_Moments":
        return _Moments(self.times[rows], self.values[:, rows], self.faults[rows])

    def in_order(self) -> "_Moments":
        return self.take(np.argsort(self.times, kind="stable"))


def _split_by_id(frame: pd.DataFrame, long: LongTable) -> tuple[dict[object, _Moments], list[Quarantined]]:
    """Read the moments of each id, in the order in which ids come; those that make no series are refused."""
    codes, ids = pd.factorize(frame[long.id])
    quarantine = [
        Quarantined(f"row {row + 1}", long.id, "has no id, so it belongs to no series")
        for row in np.flatnonzero(codes < 0)
    ]
    moments = _read_moments(frame, long)
    by_id = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes + 1, minlength=len(ids) + 1))
    groups: dict[object, _Moments] = {}
    for place, key in enumerate(ids.tolist()):
        group = moments.take(by_id[ends[place] : ends[place + 1]])
        fault = _fault(group, long)
        if fault is None:
            groups[key] = group
        else:
            quarantine.append(Quarantined(str(key), *fault))
    return groups, quarantine


def _check_columns(frame: pd.DataFrame, long: LongTable, name: str) -> None:
    for column in (long.id, long.time, *long.values):
        if column not in frame:
            known = ", ".join(map(str, frame.columns))
            raise SchemaError(f"long: source '{name}' has no column '{column}'. It has: {known}. Use one of these.")
    if SERIES in frame and SERIES not in long.values:
        raise SchemaError(
            f"long: source '{name}' has a column '{SERIES}' already, which is the name of the one that is made. "
            "Rename it in the source."
        )


def _read_moments(frame: pd.DataFrame, long: LongTable) -> _Moments:
    faults = np.full(len(frame), "", dtype=object)
    values = np.empty((len(long.values), len(frame)))
    for row, name in zip(values, long.values, strict=True):
        column = frame[name]
        row[:], _ = read_numbers(column, find_decimal_sign(column))
        faults[np.isnan(row) & ~find_blank(column)] = name
    times = frame[long.time]
    if pd.api.types.is_numeric_dtype(times):
        seconds = times.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        seconds, _ = read_dates(times, find_date_order(times))
    faults[~np.isfinite(seconds)] = long.time
    return _Moments(seconds, values, faults)


def _fault(moments: _Moments, long: LongTable) -> tuple[str, str] | None:
    """Find why the moments of one id make no series: the column at fault and the reason."""
    n_moments = len(moments.times)
    unreadable = moments.faults[moments.faults != ""]
    if (n_times := int((unreadable == long.time).sum())) > 0:
        return long.time, f"{n_times:,} of its {n_moments:,} times are missing or cannot be read"
    if len(unreadable):
        name = str(unreadable[0])
        return name, f"{int((unreadable == name).sum()):,} of its values are no finite numbers"
    if (n_repeated := n_moments - len(np.unique(moments.times))) > 0:
        return long.time, f"{n_repeated:,} of its {n_moments:,} times come more than once"
    if n_moments == 1:
        return long.time, "has one moment, and two are the fewest of a series"
    return None


def _usual_step(times: list[Float[np.ndarray, " _"]]) -> float:
    steps = [np.diff(each) for each in times]
    return float(np.median(np.concatenate(steps))) if steps else 1.0


def _on_grid(
    times: Float[np.ndarray, " n"], values: Float[np.ndarray, "n_channels n"], step: float
) -> Float[np.ndarray, "n_channels n_places"]:
    grid = times[0] + step * np.arange(int((times[-1] - times[0]) / step + EVEN) + 1)
    series = np.full((len(values), len(grid)), np.nan)
    for row, channel in zip(series, values, strict=True):
        known = times[~np.isnan(channel)]
        if len(known):
            after = np.searchsorted(known, grid)
            before = np.abs(grid - known[np.maximum(after - 1, 0)])
            nearest = np.minimum(before, np.abs(grid - known[np.minimum(after, len(known) - 1)]))
            row[:] = np.interp(grid, known, channel[~np.isnan(channel)])
            row[nearest > NEARBY_STEPS * step] = np.nan
    return series


def _as_json(series: Float[np.ndarray, "n_channels n_steps"]) -> str:
    rows = [[None if np.isnan(value) else value for value in channel] for channel in series.tolist()]
    return json.dumps(rows if len(rows) > 1 else rows[0])


def _one_row_each(
    frame: pd.DataFrame, long: LongTable, cells: Mapping[object, str]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Put the series beside the columns that say one thing within each; the names of the others come second."""
    rows = frame[frame[long.id].isin(list(cells))]
    ids = rows[long.id].to_numpy()
    constant, varying = {}, []
    for name in frame.columns.difference([long.id, long.time, *long.values], sort=False):
        texts = rows[name].map(str, na_action="ignore")  # cells may be lists, which do not compare
        if texts.groupby(ids, sort=False).nunique().le(1).all():
            constant[name] = rows[name].groupby(ids, sort=False).first()
        else:
            varying.append(name)
    keys = pd.Index(list(cells))
    columns = {name: values.reindex(keys).to_numpy() for name, values in constant.items()}
    made = pd.DataFrame({long.id: list(cells), **columns, SERIES: list(cells.values())})
    return made, tuple(varying)
