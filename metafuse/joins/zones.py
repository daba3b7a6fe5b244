"""Times of a column as seconds since 1970, with the zone of those that name none."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from metafuse.columns.value_patterns import epoch_unit, present_mask
from metafuse.written_values import find_date_order, read_dates

_NAMES_ZONE = r"(?:[Zz]|[+\-]\d\d(?::?\d\d)?|UTC|GMT)\s*$"
_HAS_CLOCK = r":\d\d"
_STEP_BACK = np.timedelta64(-10, "m")


@dataclass(frozen=True)
class Times:
    """Times of a column.

    Args:
        seconds: Since 1970, UTC; NaN where there is none.
        missing: Cells that are empty.
        unreadable: Cells that hold something else.
        notes: What the zone's clock changes did, with counts.
    """

    seconds: Float[np.ndarray, " n"]
    missing: Bool[np.ndarray, " n"]
    unreadable: Bool[np.ndarray, " n"]
    notes: tuple[str, ...]


def read_times(values: pd.Series, zone: str) -> Times:
    """Read a column of times.

    A time that its zone's clock shows twice in autumn is told by the order of the rows where the clock steps back once
    between them, and is the first of the two otherwise. One that it skips in spring is read as if it had not.

    Args:
        values: The cells: times, texts, or counts since 1970.
        zone: Zone of the times that name none.
    """
    values = values.reset_index(drop=True)
    is_number = pd.api.types.is_numeric_dtype(values.dtype)
    # other numbers count seconds from somewhere
    epoch = (epoch_unit(str(values.name), values.dropna()) or "s") if is_number else None
    seconds, _ = read_dates(values, not is_number and find_date_order(values), epoch)
    notes: tuple[str, ...] = ()
    naive = _without_zone(values) & ~np.isnan(seconds)
    if zone != "UTC" and naive.any():
        seconds[naive], notes = _localise(seconds[naive], zone)
    missing = ~present_mask(values)
    return Times(seconds, missing, np.isnan(seconds) & ~missing, notes)


def _without_zone(values: pd.Series) -> Bool[np.ndarray, " n"]:
    if pd.api.types.is_numeric_dtype(values.dtype):
        return np.zeros(len(values), dtype=bool)
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return np.full(len(values), values.dt.tz is None)
    texts = values.astype("str")
    # the end of a date such as 2024-05-01 looks like an offset
    named = texts.str.contains(_NAMES_ZONE, regex=True, na=False) & texts.str.contains(_HAS_CLOCK, regex=True, na=False)
    return ~named.to_numpy(dtype=bool)


def _localise(seconds: Float[np.ndarray, " n"], zone: str) -> tuple[Float[np.ndarray, " n"], tuple[str, ...]]:
    """Turn seconds by the zone's clock on the wall into seconds since 1970."""
    hour = pd.Timedelta(hours=1)
    wall = pd.Series(np.round(seconds * 1e6).astype("datetime64[us]"))
    twice = wall.dt.tz_localize(zone, ambiguous="NaT", nonexistent=hour).isna().to_numpy()
    skipped = wall.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT").isna().to_numpy() & ~twice
    is_second, n_told = _second_times(wall.to_numpy(), twice)
    notes = []
    if twice.any():
        notes.append(
            f"{int(twice.sum()):,} times come twice when the clock of {zone} is put back; {n_told:,} were told apart "
            f"by the order of the rows, {int(twice.sum()) - n_told:,} taken for the first"
        )
    if skipped.any():
        notes.append(
            f"{int(skipped.sum()):,} times are skipped when the clock of {zone} is put forward; read as an hour later"
        )
    local = wall.dt.tz_localize(zone, ambiguous=~is_second, nonexistent=hour).dt.tz_convert(None)
    return local.to_numpy(dtype="datetime64[us]").astype(np.int64) / 1e6, tuple(notes)


def _second_times(wall: np.ndarray, twice: Bool[np.ndarray, " n"]) -> tuple[Bool[np.ndarray, " n"], int]:
    """Mark the times after the clock was put back, and count those that the order of rows tells."""
    is_second, n_told = np.zeros(len(wall), dtype=bool), 0
    days = wall.astype("datetime64[D]")
    for day in np.unique(days[twice]):
        rows = np.flatnonzero(twice & (days == day))
        back = np.flatnonzero(np.diff(wall[rows]) < _STEP_BACK)
        if len(back) == 1:
            is_second[rows[back[0] + 1 :]] = True
            n_told += len(rows)
    return is_second, n_told
