"""Numbers and texts as a reader sees them."""

import math
from collections.abc import Sequence

from metafuse.report.base import Estimate

THIN_SPACE = "\u202f"
EN_DASH = "\u2013"
ELLIPSIS = "\u2026"
NOTHING = "\u2014"


def clip(text: str, n_chars: int) -> str:
    """Put a text on one line and cut it to `n_chars` characters."""
    line = " ".join(text[: 8 * n_chars].split())
    return line if len(line) <= n_chars else line[: n_chars - 1].rstrip() + ELLIPSIS


def percent(share: float | None) -> str:
    """Write a share of 0..1 as a percentage."""
    if share is None or math.isnan(share):
        return NOTHING
    value = 100 * share
    digits = 1 if 0 < value < 1 or 99 < value < 100 else 0
    return f"{value:.{digits}f}{THIN_SPACE}%"


def interval(low: float | None, high: float | None) -> str:
    """Write an interval of shares as "74-93"; empty where there is none."""
    return "" if low is None or high is None else f"{100 * low:.0f}{EN_DASH}{100 * high:.0f}"


def estimate(value: Estimate | None) -> str:
    """Write a share with its interval."""
    if value is None:
        return NOTHING
    span = interval(value.low, value.high)
    return f"{percent(value.value)} ({span})" if span else percent(value.value)


def signed_points(difference: float) -> str:
    """Write a difference of two shares in percentage points, with its sign."""
    value = round(100 * difference, 1)
    return f"{'+' if value > 0 else chr(0x2212) if value < 0 else ''}{abs(value):g}"


def count(number: int, singular: str, plural: str | None = None) -> str:
    """Write a number with what it counts: "1 row", "1,200 rows"."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def seconds(duration_s: float) -> str:
    """Write a duration with two significant digits."""
    if duration_s >= 60:
        return f"{int(duration_s // 60)} min {int(duration_s % 60)} s"
    return f"{duration_s:.2g} s" if duration_s < 10 else f"{duration_s:.0f} s"


def listing(names: Sequence[str], *, n_most: int = 3) -> str:
    """Write some names in a row: "a, b and 4 more"."""
    shown = [clip(name, 40) for name in names[:n_most]]
    n_more = len(names) - len(shown)
    if n_more:
        return f"{', '.join(shown)} and {n_more:,} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)
