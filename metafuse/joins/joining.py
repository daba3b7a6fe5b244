"""Join one more source to a dataset: read it, match its rows, bring its columns, and report what did not meet."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from metafuse.columns.value_patterns import evenly, present_mask, share_matching
from metafuse.errors import SchemaError, SourceError
from metafuse.joins.combine import bring, names_taken
from metafuse.joins.matches import NOTHING, Matches, Side, where
from metafuse.joins.spec import JoinSpec
from metafuse.sources.base import Dataset
from metafuse.sources.cells import as_text
from metafuse.sources.join_report import JoinReport, Unmatched
from metafuse.sources.media import Media

EXAMPLES = 3

_FILE_KINDS = ("image", "audio", "video", "pdf")
_MOSTLY = 0.5
_UNITS = {"key": None, "time": "s", "place": "m", "meaning": ""}


Matcher = Callable[[Side, Side], Matches]
"""Left and right columns -> which rows belong together."""


def join_rows(left: Dataset, right: Dataset, spec: JoinSpec, match: Matcher) -> Dataset:
    """Join a dataset to another, each of whose rows stays, once and in order.

    Args:
        left: The rows that stay.
        right: The rows joined to them.
        spec: What they are joined by, what is taken, and what is done where several fit.
        match: Finds the rows that belong together.
    Raises:
        SchemaError: a column is not there, more than one row fits and that was not allowed, the clocks cannot be told
            from the times, or nothing is left to take.
        ConfigError: two columns would have one name.
        SourceError: its cells name files that cannot be opened from here.
    """
    name = spec.name or right.name
    sides = _side(left, spec.left, name), _side(right, spec.right or spec.left, name)
    names = names_taken([*left.frame], [*right.frame], spec.right or spec.left, spec.take, name)
    matches = match(*sides)
    if spec.when_several == "refuse":
        _refuse_several(sides[1], matches, name, spec)
    return replace(
        left,
        frame=bring(left.frame, right.frame, names, matches, spec.when_several),
        media=_merge_media(left.media, right, [*names], name),
        quarantine=(*left.quarantine, *(replace(bad, row_id=f"{name}: {bad.row_id}") for bad in right.quarantine)),
        joins=(*left.joins, *right.joins, _report(name, spec, sides, matches)),
    )


def _side(dataset: Dataset, columns: Sequence[str], name: str) -> Side:
    absent = [column for column in columns if column not in dataset.frame]
    if absent:
        raise SchemaError(
            f"join '{name}': '{dataset.name}' has no column '{absent[0]}'. It has: {', '.join(dataset.frame)}. "
            "Name one of these."
        )
    return Side(dataset.name, dataset.frame[list(columns)])


def _refuse_several(right: Side, matches: Matches, name: str, spec: JoinSpec) -> None:
    if not matches.n_several:
        return
    if spec.by == "key":
        n_keys = matches.n_taken_of_several
        why = f"{_count(n_keys, 'key')} {'occurs' if n_keys == 1 else 'occur'} more than once in '{right.name}'"
    else:
        why = f"{_count(matches.n_several, 'row')} of it have more than one row of '{right.name}' near"
    raise SchemaError(
        f"join '{name}' would make {int(np.maximum(matches.n_fitting, 1).sum()):,} rows of {len(matches.best):,}: "
        f"{why}. Aggregate it first, or choose several = 'first', 'mean' or 'list'."
    )


def _report(name: str, spec: JoinSpec, sides: tuple[Side, Side], matches: Matches) -> JoinReport:
    left, right = sides
    met = matches.best != NOTHING
    used = np.zeros(len(right.columns), dtype=bool)
    used[matches.best[met] if matches.pairs is None else matches.pairs.right] = True
    parts = [
        *_unmatched("left", left, ~met, matches.left_reasons, _none_near(spec, right.name)),
        *_unmatched("right", right, ~used, matches.right_reasons, "were taken by no row"),
    ]
    unit = _UNITS[spec.by]
    return JoinReport(
        name=name,
        by=spec.by,
        n_left=len(met),
        n_matched=int(met.sum()),
        n_right=len(used),
        n_right_unused=int((~used).sum()),
        unmatched=tuple(parts),
        unit=unit,
        median_distance=float(np.median(matches.distance[met])) if met.any() and unit is not None else None,
        n_several=matches.n_several,
        offset_s=matches.offset_s,
        drift_s_per_day=matches.drift_s_per_day,
        notes=matches.notes,
    )


def _none_near(spec: JoinSpec, right: str) -> str:
    if spec.by == "key":
        return f"have a key that '{right}' does not"
    if spec.by == "meaning":
        return f"mean nothing that '{right}' has"
    far = f"{spec.tolerance:g} s" if spec.by == "time" else f"{spec.radius:g} m"
    return f"have no row of '{right}' within {far}"


def _unmatched(
    which: str, side: Side, alone: np.ndarray, reasons: Mapping[str, np.ndarray], otherwise: str
) -> list[Unmatched]:
    rest = alone.copy()
    parts = []
    for reason, rows in reasons.items():
        rest[rows] = False
        parts.append((reason, rows[alone[rows]]))
    parts.append((otherwise, where(rest)))
    return [
        Unmatched(which, reason, rows.astype(np.int64), _examples(side.columns, rows))
        for reason, rows in parts
        if len(rows)
    ]


def _examples(columns: pd.DataFrame, rows: np.ndarray) -> tuple[str, ...]:
    cells = columns.iloc[rows[:EXAMPLES]].astype(object)
    return tuple(
        f"row {row}: " + ", ".join(as_text(cell) or "empty" for cell in line)
        for row, line in zip(rows, cells.itertuples(index=False), strict=False)
    )


def _merge_media(left: Media, right: Dataset, taken: Sequence[str], name: str) -> Media:
    """Open the files that cells of either side name."""
    other = right.media
    if left.root is None and left.files and not left.archives:
        return other
    if (other.root, other.prefix) == (left.root, left.prefix):
        return replace(left, archives=tuple(dict.fromkeys((*left.archives, *other.archives))))
    for column in taken:
        values = right.frame[column]
        texts = [str(cell) for cell in evenly(values[present_mask(values)], 200) if isinstance(cell, str)]
        if other.files and texts and any(share_matching(texts, kind) > _MOSTLY for kind in _FILE_KINDS):
            raise SourceError(
                f"join '{name}': column '{column}' names files beside another table than '{right.name}' is joined to. "
                "Put both tables into one folder, or leave the column out with take."
            )
    return left


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s'[: number != 1]}"
