"""How far one clock is ahead of another and how fast it gains, found from the times both wrote.

Both sources time the same events, or sample on the same beat, each by its own clock. Over the pairs of times at most an
hour apart, each drift of a grid gives a histogram of offsets; where the clocks are right, the most pairs fall into one
bar. The highest bar is kept where chance would hardly make one as high, no other drift does as well and its foot is
narrow; the line through its pairs is then fitted robustly (Theil 1950, Sen 1968). A beat makes bars as high at every
step of it: the one nearest to where the search starts is taken, and a note says so.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from metafuse.errors import SchemaError
from metafuse.joins.matches import expand
from metafuse.joins.units import DAY_S

WIDEST_OFFSET_S = 3600.0
WIDEST_DRIFT = 60.0
"""Seconds a day; quartz clocks without correction gain or lose up to about ten."""

_MOST_PAIRS = 100_000
_MOST_DRIFTS = 1201
_FINEST_S, _COARSEST_S = 0.05, 60.0
_CHANCE = 1e-6
_ALIKE = 0.8
"""A bar of this share of the highest is as good an answer."""
_NARROW = 5
_FIT_PAIRS = 800
_N_NARROWED = 3


@dataclass(frozen=True)
class Clock:
    """A clock beside another.

    Args:
        origin_s: The time on it, since 1970, at which `offset_s` holds.
        offset_s: How far it is ahead then.
        drift_s_per_day: How much it gains a day.
        notes: How it was found.
    """

    origin_s: float
    offset_s: float
    drift_s_per_day: float
    notes: tuple[str, ...] = ()

    def correct(self, seconds: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Turn times it shows into those of the other clock."""
        return seconds - self.offset_s - self.drift_s_per_day / DAY_S * (seconds - self.origin_s)


@dataclass(frozen=True)
class _Times:
    """Times of both clocks, rising, in seconds after the first of the right clock that could be of one event."""

    left: Float[np.ndarray, " n_left"]
    right: Float[np.ndarray, " n_right"]

    def until(self, second: float) -> "_Times":
        n_left, n_right = np.searchsorted(self.left, second), np.searchsorted(self.right, second, "right")
        return _Times(self.left[:n_left], self.right[:n_right])


@dataclass(frozen=True)
class _Pairs:
    """Pairs of times: days after the first by the right clock, and seconds that it is ahead."""

    days: Float[np.ndarray, " n_pairs"]
    ahead: Float[np.ndarray, " n_pairs"]


@dataclass(frozen=True)
class _Line:
    """Offset at the first time, drift, how far pairs may be off it, and the beat that repeats it."""

    offset_s: float
    drift: float
    width_s: float
    period_s: float | None = None


def estimate_clock(
    left: Float[np.ndarray, " n_left"], right: Float[np.ndarray, " n_right"], name: str, *, start_s: float = 0.0
) -> Clock:
    """Find how far the right clock is ahead of the left one, and how fast it gains.

    Args:
        left: Times of events, seconds since 1970, by the left clock.
        right: Times of the same events, or of some of them and others, by the right clock.
        name: The join's name, for messages.
        start_s: Offset around which to search, an hour to each side.
    Raises:
        SchemaError: the times do not tell: too few, none in common, or two answers as good.
    """
    left, right = np.unique(left), np.unique(right) - start_s
    low = max(left.min(initial=np.inf), right.min(initial=np.inf)) - WIDEST_OFFSET_S
    high = min(left.max(initial=-np.inf), right.max(initial=-np.inf)) + WIDEST_OFFSET_S
    shared = right[(right >= low) & (right <= high)]
    first = float(shared[0]) if len(shared) else 0.0
    times = _Times(left[(left >= low) & (left <= high)] - first, shared - first)
    span = float(times.right.max(initial=0.0))
    reasons = []
    for part in (1, 4, 16, 64, 256):
        found = _search(_pair_up(times.until(span / part), name), span / part / DAY_S)
        if isinstance(found, _Line):
            line, notes = _fit(times, found, span / part, span)
            origin = float(right[0]) + start_s
            ahead = start_s + line.offset_s + line.drift * (origin - start_s - first) / DAY_S
            return Clock(origin, ahead, line.drift, (*notes, *_of_beat(line, start_s)))
        reasons.append(found)
    raise SchemaError(
        f"join '{name}': offset and drift of its clock cannot be told from the times: {reasons[0]}. "
        "Give them, as in offset = '90 s' and drift = '2 s/day', or leave them out."
    )


def _pair_up(times: _Times, name: str) -> _Pairs:
    """Pairs of times within the widest offset; left times thinned out evenly where there are too many."""
    starts = np.searchsorted(times.right, times.left - WIDEST_OFFSET_S, "left")
    counts = np.searchsorted(times.right, times.left + WIDEST_OFFSET_S, "right") - starts
    kept = _thin(np.flatnonzero(counts), max(30, int(_MOST_PAIRS * len(counts) / max(1, counts.sum()))))
    pairs = expand(starts[kept], counts[kept], name)
    right = times.right[pairs.right]
    return _Pairs(right / DAY_S, right - times.left[kept[pairs.left]])


def _thin(rows: np.ndarray, most: int) -> np.ndarray:
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).astype(int)]


def _search(pairs: _Pairs, span_days: float) -> _Line | str:
    """Find the line most pairs lie on, with the width of bar that shows it best; or say why there is none."""
    if len(pairs.days) < 3:
        return f"{len(pairs.days)} pairs of times are within an hour of each other"
    finest = max(_FINEST_S, 2 * WIDEST_DRIFT * span_days / (_MOST_DRIFTS - 1))
    widths = [width for width in finest * 4.0 ** np.arange(7) if width <= max(finest, _COARSEST_S)]
    tried = [_highest(pairs, float(width), span_days) for width in widths]
    return min(tried, key=lambda each: each[0])[1]


def _highest(pairs: _Pairs, width: float, span_days: float) -> tuple[float, _Line | str]:
    """Find the drift whose histogram has the highest bar.

    Returns:
        Logarithm of the chance that such a bar comes about by itself, and the line or why there is none.
    """
    from scipy.stats import poisson

    n_drifts = int(np.clip(2 * np.ceil(WIDEST_DRIFT * span_days / width) + 1, 3, _MOST_DRIFTS))
    drifts = np.linspace(-WIDEST_DRIFT, WIDEST_DRIFT, n_drifts)
    heights = np.array([_bars(pairs, drift, width).max() for drift in drifts])
    # of drifts as good, the one that corrects least
    best = np.flatnonzero(heights == heights.max())
    row = int(best[np.argmin(np.abs(drifts[best]))])
    bars = _bars(pairs, drifts[row], width)
    expected = max(len(pairs.days) * 2 / (len(bars) + 1), 1e-9)
    chance = float(poisson.logsf(bars.max() - 1, expected) + np.log(n_drifts * len(bars)))
    if chance > np.log(_CHANCE):
        return chance, f"at most {bars.max():,} pairs of times agree, where chance makes {expected:,.0f}"
    alike = np.flatnonzero(heights >= _ALIKE * heights.max())
    far = alike[np.abs(alike - row) > _NARROW]
    if len(far):
        return chance, f"drifts of {drifts[row]:.3g} and {drifts[far[0]]:.3g} s a day fit alike"
    return chance, _nearest_bar(bars, float(drifts[row]), width)


def _nearest_bar(bars: np.ndarray, drift: float, width: float) -> _Line | str:
    """Choose among bars of one histogram that are as high."""
    offsets = (np.arange(len(bars)) - len(bars) // 2) * width
    high = _groups(bars >= _ALIKE * bars.max())
    broad = max(_groups(bars >= (bars.max() + bars.mean()) / 2), key=len)
    if len(broad) > _NARROW:
        return f"offsets from {offsets[broad[0]]:.3g} to {offsets[broad[-1]]:.3g} s fit alike"
    centres = np.array([offsets[group[np.argmax(bars[group])]] for group in high])
    nearest = float(centres[np.argmin(np.abs(centres))])
    if len(centres) == 1:
        return _Line(nearest, drift, width)
    second = float(centres[np.argsort(np.abs(centres), kind="stable")[1]])
    if abs(second) - abs(nearest) < 2 * width:
        return f"offsets of {nearest:.3g} and {second:.3g} s fit alike"
    return _Line(nearest, drift, width, float(np.median(np.diff(centres))))


def _groups(mask: np.ndarray) -> list[np.ndarray]:
    """Runs of places at which a mask holds."""
    places = np.flatnonzero(mask)
    return np.split(places, np.flatnonzero(np.diff(places) > 1) + 1)


def _bars(pairs: _Pairs, drift: float, width: float) -> np.ndarray:
    """Histogram of offsets, two cells to a bar so that none is split; the middle bar stands at zero."""
    half = int(np.ceil(WIDEST_OFFSET_S / width))
    cells = np.floor((pairs.ahead - drift * pairs.days) / width).astype(np.int64) + half
    counts = np.bincount(cells[(cells >= 0) & (cells < 2 * half)], minlength=2 * half)
    return counts[:-1] + counts[1:]


def _fit(times: _Times, line: _Line, window: float, span: float) -> tuple[_Line, tuple[str, ...]]:
    """Fit the line to its pairs, over a window that grows to the whole span, then as narrowly as they lie."""
    from scipy.stats import theilslopes

    offset, drift, reach = line.offset_s, line.drift, 2 * line.width_s
    n_narrowed, spread = 0, 0.0
    while n_narrowed < _N_NARROWED:
        pairs = _near_line(times.until(window), offset, drift, reach)
        shown = _thin(np.arange(len(pairs.days)), _FIT_PAIRS)
        if np.ptp(pairs.days[shown]) > 0:
            drift = float(theilslopes(pairs.ahead[shown], pairs.days[shown])[0])
        offset = float(np.median(pairs.ahead - drift * pairs.days))
        spread = 1.4826 * float(np.median(np.abs(pairs.ahead - offset - drift * pairs.days)))
        if window >= span:
            n_narrowed += 1
            reach = min(reach, max(2 * _FINEST_S, 4 * spread))
        window = min(2 * window, span)
    note = (
        f"offset and drift of its clock come from {len(pairs.days):,} pairs of times, which agree within {spread:.2g} s"
    )
    return _Line(offset, drift, line.width_s, line.period_s), (note,)


def _near_line(times: _Times, offset: float, drift: float, reach: float) -> _Pairs:
    """The right time nearest to where the line puts each left one, where it is within reach."""
    expected = (times.left + offset) / (1 - drift / DAY_S)
    after = np.clip(np.searchsorted(times.right, expected), 1, len(times.right) - 1)
    before = np.where(expected - times.right[after - 1] <= times.right[after] - expected, after - 1, after)
    days, ahead = times.right[before] / DAY_S, times.right[before] - times.left
    met = np.abs(ahead - offset - drift * days) <= reach
    return _Pairs(days[met], ahead[met])


def _of_beat(line: _Line, start_s: float) -> tuple[str, ...]:
    if line.period_s is None:
        return ()
    return (
        f"its times follow a beat of about {line.period_s:.3g} s, so offsets a multiple of it apart fit as well; "
        f"the one nearest to {start_s:.3g} s was taken",
    )
