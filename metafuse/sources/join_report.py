"""What joining a second source did: how many rows met, and which did not, for what reason."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Int

ONE = {"were": "was", "have": "has", "lie": "lies"}
"""Verbs that reasons begin with, as one row takes them."""


@dataclass(frozen=True)
class Unmatched:
    """Rows of one side that met none of the other, for one reason.

    Args:
        side: "left" for rows of the source itself, which stay with empty cells, or "right" for rows joined to it.
        reason: Why, in words.
        rows: Their positions in that side, rising.
        examples: What the first of them are joined by, as text.
    """

    side: str
    reason: str
    rows: Int[np.ndarray, " n"]
    examples: tuple[str, ...]


@dataclass(frozen=True)
class JoinReport:
    """One join of a source.

    Args:
        name: The join's name.
        by: "key", "time", "place" or "meaning".
        n_left: Rows of the source; as many as before and after.
        n_matched: Those that met a row of the other side.
        n_right: Rows of the other side.
        n_right_unused: Those that no row took.
        unmatched: The rows that met none, by side and reason.
        unit: Unit of distances: "s", "m", or "" (1 - probability) by meaning; None by key.
        median_distance: Of matched rows to the one they took.
        n_several: Rows of the source that more than one row of the other side fits.
        offset_s: How far the other side's clock is ahead at its first row, where it was corrected.
        drift_s_per_day: How much it gains each day.
        notes: What else there is to say.
    """

    name: str
    by: str
    n_left: int
    n_matched: int
    n_right: int
    n_right_unused: int
    unmatched: tuple[Unmatched, ...] = ()
    unit: str | None = None
    median_distance: float | None = None
    n_several: int = 0
    offset_s: float | None = None
    drift_s_per_day: float | None = None
    notes: tuple[str, ...] = ()

    def describe(self) -> list[str]:
        """Say in a few lines what was joined, what was not and why."""
        lines = [
            f"{self.n_matched:,} of {_count(self.n_left)} met a row of it by {self.by}{self._how_near()}",
            *([f"{_count(self.n_several)} fit more than one"] if self.n_several else []),
        ]
        if self.offset_s is not None:
            lines.append(
                f"its clock was taken to be {self.offset_s:.4g} s ahead at its first row and to gain "
                f"{self.drift_s_per_day or 0.0:.4g} s a day"
            )
        lines += self.notes
        for part in self.unmatched:
            more = ", ..." if len(part.rows) > len(part.examples) else ""
            whose = " of it" if part.side == "right" else ""
            reason = _of_one(part.reason) if len(part.rows) == 1 else part.reason
            lines.append(f"{_count(len(part.rows))}{whose} {reason} ({', '.join(part.examples)}{more})")
        return [f"join '{self.name}': {line}" for line in lines]

    def _how_near(self) -> str:
        if self.median_distance is None or self.unit is None:
            return ""
        if not self.unit:
            return f", half of them with a probability of {1 - self.median_distance:.0%} or more"
        return f", half of them at most {_rounded(self.median_distance)} {self.unit} away"


def unmatched_table(reports: Sequence[JoinReport]) -> pd.DataFrame:
    """List every row that met none: join, side ("left" or "right"), row (its position there, from 0), reason."""
    parts = [(report.name, part) for report in reports for part in report.unmatched]
    return pd.DataFrame(
        {
            "join": [name for name, part in parts for _ in part.rows],
            "side": [part.side for _, part in parts for _ in part.rows],
            "row": np.concatenate([part.rows for _, part in parts]) if parts else np.zeros(0, dtype=np.int64),
            "reason": [part.reason for _, part in parts for _ in part.rows],
        }
    )


def _rounded(number: float) -> str:
    """Three digits, and never a power of ten: 93.2 and 1,640."""
    return f"{number:,.0f}" if number >= 1000 else f"{number:.3g}"


def _of_one(reason: str) -> str:
    verb, _, rest = reason.partition(" ")
    return f"{ONE.get(verb, verb)} {rest}"


def _count(n_rows: int) -> str:
    return f"{n_rows:,} row{'s'[: n_rows != 1]}"
