"""Join by time: the nearest, the last before or the first after, within a tolerance."""

import numpy as np
from jaxtyping import Bool, Float, Int

from metafuse.joins.clocks import Clock, estimate_clock
from metafuse.joins.matches import NOTHING, Matches, Pairs, Side, expand, where
from metafuse.joins.spec import ESTIMATE, JoinSpec
from metafuse.joins.units import DAY_S
from metafuse.joins.zones import Times, read_times

_ROUNDING_S = 1e-6
"""What seconds since 1970 are exact to."""
_FEW = 0.1
"""Share of rows below which so few have met that something may be wrong."""


def match_times(left: Side, right: Side, name: str, spec: JoinSpec, *, every: bool) -> Matches:
    """Match each time with one of the other source.

    Args:
        left: The column of times.
        right: That of the other source.
        name: The join's name, for messages.
        spec: Tolerance, direction, zones and clocks.
        every: List all pairs within the tolerance, in the order of time.
    Raises:
        SchemaError: the clocks cannot be told from the times, or there are more pairs than can be held.
    """
    left_times = read_times(left.columns.iloc[:, 0], spec.left_zone)
    right_times = read_times(right.columns.iloc[:, 0], spec.right_zone)
    left_rows, right_rows = where(~np.isnan(left_times.seconds)), where(~np.isnan(right_times.seconds))
    clock = _clock(left_times.seconds[left_rows], right_times.seconds[right_rows], name, spec)
    shown = right_times.seconds[right_rows]
    actual = shown if clock is None else clock.correct(shown)
    order = np.argsort(actual, kind="stable")
    actual, right_rows = actual[order], right_rows[order]
    tolerance = float(spec.tolerance or 0.0)
    starts, ends = _window(left_times.seconds[left_rows], actual, tolerance, spec.match)
    n_left = len(left.columns)
    best, distance = np.full(n_left, NOTHING), np.full(n_left, np.nan)
    n_fitting = np.zeros(n_left, dtype=np.int64)
    n_fitting[left_rows] = ends - starts
    chosen = _choose(left_times.seconds[left_rows], actual, starts, ends, spec.match)
    met = chosen != NOTHING
    best[left_rows[met]] = right_rows[chosen[met]]
    distance[left_rows[met]] = np.abs(left_times.seconds[left_rows[met]] - actual[chosen[met]]).round(6)
    pairs = None
    if every:
        places = expand(starts, ends - starts, name)
        pairs = Pairs(left_rows[places.left], right_rows[places.right])
    told = ((left.name, left_times), (right.name, right_times))
    notes = [f"of '{source}', {note}" for source, times in told for note in times.notes]
    return Matches(
        best, distance, n_fitting, pairs, _reasons(left_times), _reasons(right_times),
        offset_s=None if clock is None else clock.offset_s,
        drift_s_per_day=None if clock is None else clock.drift_s_per_day,
        notes=(*notes, *(clock.notes if clock else ()), *_why_few(left_times.seconds[left_rows], actual, met)),
    )  # fmt: skip


def _clock(
    left: Float[np.ndarray, " n_left"], right: Float[np.ndarray, " n_right"], name: str, spec: JoinSpec
) -> Clock | None:
    if spec.drift == ESTIMATE:
        return estimate_clock(left, right, name, start_s=spec.offset)
    if not (spec.offset or spec.drift) or not len(right):
        return None
    return Clock(float(right.min()), spec.offset, float(spec.drift))


def _window(
    left: Float[np.ndarray, " n_left"], right: Float[np.ndarray, " n_right"], tolerance: float, match: str
) -> tuple[Int[np.ndarray, " n_left"], Int[np.ndarray, " n_left"]]:
    """First right time that fits each left one, and the one after the last."""
    earliest = (left if match == "after" else left - tolerance) - _ROUNDING_S
    latest = (left if match == "before" else left + tolerance) + _ROUNDING_S
    return np.searchsorted(right, earliest, "left"), np.searchsorted(right, latest, "right")


def _choose(
    left: Float[np.ndarray, " n_left"],
    right: Float[np.ndarray, " n_right"],
    starts: Int[np.ndarray, " n_left"],
    ends: Int[np.ndarray, " n_left"],
    match: str,
) -> Int[np.ndarray, " n_left"]:
    """Place of the right time that each left one takes; of two as near the earlier, of equal ones the first row."""
    if not len(right):
        return np.full(len(left), NOTHING)
    first, last = np.minimum(starts, len(right) - 1), np.maximum(ends - 1, 0)
    if match == "nearest":
        after = np.clip(np.searchsorted(right, left, "left"), first, last)
        before = np.maximum(after - 1, first)
        place = np.where(np.abs(left - right[before]) <= np.abs(left - right[after]), before, after)
    else:
        place = first if match == "after" else last
    place = np.searchsorted(right, right[place], "left")
    return np.where(ends > starts, place, NOTHING)


def _why_few(
    left: Float[np.ndarray, " n_left"], right: Float[np.ndarray, " n_right"], met: Bool[np.ndarray, " n_left"]
) -> tuple[str, ...]:
    """Say how far the nearest times are where hardly any is near enough: a zone or an offset may be wrong."""
    if not len(left) or not len(right) or met.mean() >= _FEW:
        return ()
    inside = left[(left >= right[0] - DAY_S) & (left <= right[-1] + DAY_S)]
    if not len(inside):
        return ("no time of the source is within a day of its times",)
    all_of_it = np.zeros(len(inside), dtype=np.int64), np.full(len(inside), len(right))
    nearest = right[_choose(inside, right, *all_of_it, "nearest")]
    away = float(np.median(np.abs(inside - nearest)))
    return (
        f"the nearest of its times is {away:,.4g} s away for half of the rows: look at zones, offset and tolerance",
    )


def _reasons(times: Times) -> dict[str, np.ndarray]:
    return {"have no time": where(times.missing), "have a time that cannot be read": where(times.unreadable)}
