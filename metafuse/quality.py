"""What is wrong with the rows of a source: gaps, outliers, repeats, mixed types, leaks, thin classes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Int

from metafuse.columns.modality_rules import Facts
from metafuse.columns.value_patterns import evenly, number_share, parse_numbers, present_mask
from metafuse.duplicates import NearRepeats, Repeats, find_near_repeats, find_repeats, image_keys
from metafuse.leaks import Leak, Severity, find_leaks
from metafuse.missingness import Missingness, map_missing
from metafuse.schema import LEARNABLE, TABULAR, Column, Modality, Schema
from metafuse.sources.media import Media

OUTLIER_DEVIATIONS = 6.0
"""Robust standard deviations from the median beyond which a number is an outlier."""
_MIXED = 0.1
_EXAMPLES = 5


@dataclass(frozen=True)
class ColumnQuality:
    """Findings on one column.

    Args:
        name: The source's own name of it.
        modality: What its values are.
        n_missing: Rows without a value; blank text counts as missing.
        share_missing: The same as a share of all rows.
        n_distinct: Distinct values; where values cannot be compared (images in memory), all of them.
        n_outliers: Numbers far from the median.
        outliers: Ids of the farthest rows.
        mixed: How many values are numbers and how many words, where a column has both; else None.
    """

    name: str
    modality: Modality
    n_missing: int
    share_missing: float
    n_distinct: int
    n_outliers: int = 0
    outliers: tuple[str, ...] = ()
    mixed: str | None = None


@dataclass(frozen=True)
class Classes:
    """Balance of the labels.

    Args:
        n_labelled: Rows that have a label.
        counts: Label and its rows, most frequent first.
        single: Labels of one row only: nothing of theirs can be held out to check on.
    """

    n_labelled: int
    counts: tuple[tuple[str, int], ...]
    single: tuple[str, ...]


@dataclass(frozen=True)
class Quality:
    """All findings on a source.

    Args:
        n_rows: Rows looked at.
        columns: Findings on each column, in the source's order.
        repeats: Rows with the same content as another, ids and labels aside.
        near_repeats: Rows with nearly the same text as another.
        repeated_images: Image column -> rows whose image another row has, too.
        leaks: Columns that give the label away.
        missing: Where values are missing, of the columns that are learned from.
        classes: Balance of the labels; None without labels.
    """

    n_rows: int
    columns: tuple[ColumnQuality, ...]
    repeats: Repeats
    near_repeats: NearRepeats
    repeated_images: Mapping[str, Repeats]
    leaks: tuple[Leak, ...]
    missing: Missingness
    classes: Classes | None

    @property
    def leaking(self) -> list[str]:
        """Names of the columns to leave out."""
        return [leak.column for leak in self.leaks if leak.severity == Severity.LEAK]

    def to_json(self) -> dict[str, Any]:
        """Plain lists, dicts, numbers and texts."""
        return asdict(self)


def examine(
    frame: pd.DataFrame, schema: Schema, labels: pd.Series | None = None, *, media: Media | None = None
) -> Quality:
    """Look for what a person should know before trusting a model of these rows.

    Args:
        frame: All rows of a source.
        schema: The role of each column.
        labels: The label of each row, in the frame's order, missing where unlabelled; the schema's label
            column where None.
        media: Opens the images, to find those that repeat; without it their paths are compared.
    """
    if labels is None and schema.label_column is not None:
        labels = frame[schema.label_column]
    ids = _row_ids(frame, schema)
    images = {name: image_keys(frame[name], media) for name in schema.named(Modality.IMAGE)}
    contents = {name: frame[name] for name in schema.named(Modality.TEXT, *TABULAR)} | images
    texts = schema.named(Modality.TEXT)
    return Quality(
        n_rows=len(frame),
        columns=tuple(_examine_column(column, frame[column.name], ids) for column in schema.columns),
        repeats=find_repeats(pd.DataFrame(contents, index=frame.index), ids),
        near_repeats=find_near_repeats(_joined(frame, texts), ids),
        repeated_images={name: find_repeats(keys.to_frame(), ids) for name, keys in images.items()},
        leaks=() if labels is None else find_leaks(frame, schema, labels, media),
        missing=map_missing({name: present_mask(frame[name]) for name in schema.named(*LEARNABLE)}),
        classes=None if labels is None else _count_classes(labels),
    )


def _row_ids(frame: pd.DataFrame, schema: Schema) -> list[str]:
    return [str(value) for value in (frame.index if schema.id_column is None else frame[schema.id_column])]


def _joined(frame: pd.DataFrame, names: Sequence[str]) -> pd.Series:
    parts = [frame[name].astype(object).where(present_mask(frame[name]), "").astype(str) for name in names]
    if not parts:
        return pd.Series(None, index=frame.index, dtype=object)
    joined = parts[0]
    for part in parts[1:]:
        joined = joined + " " + part
    return joined


def _examine_column(column: Column, cells: pd.Series, ids: Sequence[str]) -> ColumnQuality:
    facts = Facts.of(column.name, cells)
    n_missing = facts.n_rows - len(facts.values)
    outliers = _find_outliers(cells) if column.modality == Modality.NUMERIC else np.array([], dtype=int)
    return ColumnQuality(
        name=column.name,
        modality=column.modality,
        n_missing=n_missing,
        share_missing=n_missing / max(1, facts.n_rows),
        n_distinct=facts.n_distinct,
        n_outliers=len(outliers),
        outliers=tuple(ids[row] for row in outliers[:_EXAMPLES]),
        mixed=_count_types(facts) if column.modality in (Modality.TEXT, Modality.CATEGORICAL) else None,
    )


def _find_outliers(cells: pd.Series) -> Int[np.ndarray, " n_outliers"]:
    """Rows whose number lies beyond the bound, the farthest first.

    The deviation is estimated by the median absolute deviation, or where more than half of the values are
    equal by the mean one (Iglewicz and Hoaglin 1993, "How to Detect and Handle Outliers"). Long tails are not
    outliers: where 200 values or more tell the range of the middle 95 %, the deviation is at least a normal
    distribution's with that range.
    """
    numbers = parse_numbers(cells).to_numpy()
    finite = np.isfinite(numbers)
    if finite.sum() < 8:
        return np.array([], dtype=int)
    known = numbers[finite]
    distances = np.abs(numbers - np.median(known))
    deviation = 1.4826 * np.median(distances[finite]) or 1.2533 * np.mean(distances[finite])
    if len(known) >= 200:
        deviation = max(deviation, np.subtract(*np.quantile(known, (0.975, 0.025))) / 3.92)
    far = np.flatnonzero(np.where(finite, distances, 0) > OUTLIER_DEVIATIONS * deviation)
    return far[np.argsort(-distances[far], kind="stable")]


def _count_types(facts: Facts) -> str | None:
    if not len(facts.values) or facts.is_number:
        return None
    sample = [str(cell) for cell in evenly(facts.values)]
    share, _ = number_share(sample)
    if not _MIXED <= share <= 1 - _MIXED:
        return None
    n_numbers = round(share * len(facts.values))
    about = "about " if len(sample) < len(facts.values) else ""
    return f"{about}{n_numbers:,} numbers and {about}{len(facts.values) - n_numbers:,} other values"


def _count_classes(labels: pd.Series) -> Classes:
    known = labels[present_mask(labels)].astype(str)
    counts = known.value_counts()
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    single = tuple(label for label, count in ordered if count == 1)
    return Classes(len(known), tuple((label, int(count)) for label, count in ordered), single)
