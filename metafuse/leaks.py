"""Columns that give the label away: they would make every measurement look better than the model is."""

import re
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd
from jaxtyping import Bool

from metafuse.columns.number_lists import flat_numbers
from metafuse.columns.value_patterns import evenly, present_mask
from metafuse.duplicates import image_keys
from metafuse.schema import LEARNABLE, Column, Modality, Schema
from metafuse.sources.cells import as_text
from metafuse.sources.media import Media

_ALPHA = 0.05
_NEAR = 0.995
"""Share of rows that must agree: labels and copies of them hold a few slips, a good predictor holds many."""
_FINER_SHARE = 0.9
_COPY_SHARE = 0.8
"""How often an honest predictor may be right: a copy has as few values as there are labels, and needs less proof."""
_TEXT_SHARE = 0.3
_LEAST_ROWS = 14
_SAMPLE = 2000
_MAX_LABELS = 300
_TEXTS = (Modality.TEXT, Modality.DOCUMENT, Modality.LOG)
_FILES = (Modality.IMAGE, Modality.AUDIO, Modality.VIDEO, Modality.PDF)
_LISTS = (Modality.SERIES, Modality.VECTOR)


class Severity(StrEnum):
    """What is done about a column that seems to give the label away."""

    LEAK = "leak"
    """It is left out when adapting."""
    SUSPICIOUS = "suspicious"
    """It is kept; a person should look at it."""


@dataclass(frozen=True)
class Leak:
    """A column that gives the label away.

    Args:
        column: Its name.
        severity: Whether it is left out or only warned about.
        evidence: What was found, in words.
    """

    column: str
    severity: Severity
    evidence: str


@dataclass(frozen=True)
class _Pairs:
    """Values of one column beside the labels of the same rows, neither missing."""

    values: pd.Series
    labels: pd.Series

    @property
    def n_values(self) -> int:
        return int(self.values.nunique())

    @property
    def n_labels(self) -> int:
        return int(self.labels.nunique())


def find_leaks(frame: pd.DataFrame, schema: Schema, labels: pd.Series, media: Media | None = None) -> tuple[Leak, ...]:
    """Look for columns that give the label away, on the labelled rows.

    A column is a leak, and left out, when it is one of these:

    - a copy of the label: values and labels correspond one to one;
    - a finer label: a categorical column each of whose values comes with one label only;
    - the label's own words: categorical values that contain the label, or are a part of it.

    Few labels make honest columns look perfect, so the first two need evidence. Of `n` rows with `v` distinct
    values, `n - v` rows could have contradicted the correspondence. The column is a leak when a merely good
    predictor, one that is right on 80 % (copy) or 90 % (finer label) of the rows, would agree as often less
    than once in twenty times: 14 and 29 rows without a contradiction, more when one class dominates. Where
    many rows can be compared, 99.5 % must agree. Texts, numbers, files and lists are only ever copies: free texts
    repeat for good reasons, and a number that decides the label is what one wants to learn from. Of a file its content
    counts, not its name or folder, which are not learned from: one picture for all rows of a class is a copy.

    Suspicious, and kept, are copies and finer labels with too little evidence, texts that hold their own label's
    words clearly more often than other labels' words, vectors some of whose numbers are a copy of the label, and
    columns that are missing exactly for whole classes.

    Args:
        frame: All rows.
        schema: The role of each column; those that are learned from are looked at.
        labels: The label of each row of the frame, in its order; missing where unlabelled.
        media: Opens the files that cells name; without it, equal names alone stand for equal files.
    """
    labelled = present_mask(labels)
    known = labels[labelled].astype(str).reset_index(drop=True)
    if known.nunique() < 2:
        return ()
    columns = [column for column in schema.columns if column.modality in LEARNABLE]
    found = [_judge(column, frame[column.name][labelled].reset_index(drop=True), known, media) for column in columns]
    return tuple(leak for leak in found if leak is not None)


def _judge(column: Column, cells: pd.Series, labels: pd.Series, media: Media | None) -> Leak | None:
    present = present_mask(cells)
    pairs = _compare(column, cells[present], labels[present], media)
    found = []
    if pairs.n_labels >= 2:
        found = [_correspondence(column, pairs)]
        if column.modality in (*_TEXTS, Modality.CATEGORICAL):
            found.append(_label_words(column, pairs))
        if column.modality is Modality.VECTOR:
            found.append(_label_numbers(column, cells[present], labels[present]))
    found.append(_missing_classes(column, present, labels))
    leaks = sorted((leak for leak in found if leak is not None), key=lambda leak: leak.severity)
    return next(iter(leaks), None)


def _compare(column: Column, cells: pd.Series, labels: pd.Series, media: Media | None) -> _Pairs:
    """Bring cells to values that are equal where their content is."""
    if column.modality in _FILES:
        keys = image_keys(cells, media) if _first_files_agree(cells, labels, media) else cells.iloc[:0]
        keys = keys[keys.notna()]
        return _Pairs(keys.astype(str), labels[keys.index])
    if column.modality in _LISTS:
        return _Pairs(cells.map(as_text).astype(str), labels)
    return _Pairs(cells.astype(str), labels)


def _first_files_agree(cells: pd.Series, labels: pd.Series, media: Media | None) -> bool:
    """Look at three files of each class first: most sources need no more, and files are slow to read."""
    first = cells[labels.groupby(labels).cumcount() < 3]
    keys = image_keys(first, media)
    by_class = keys.groupby(labels[first.index]).agg(["count", "nunique"])
    several = by_class[by_class["count"] >= 2]
    return len(several) > 0 and 2 * int((several["nunique"] == 1).sum()) >= len(several)


def _label_numbers(column: Column, cells: pd.Series, labels: pd.Series) -> Leak | None:
    """Numbers of a vector that are the same on all rows of each class, and together tell the classes apart."""
    sample = evenly(cells, _SAMPLE)
    vectors = [flat_numbers(cell) for cell in sample]
    if not vectors or any(vector is None or len(vector) != len(vectors[0]) for vector in vectors):  # type: ignore[arg-type]
        return None
    numbers = pd.DataFrame(np.stack(vectors), index=sample.index)  # type: ignore[arg-type]
    classes = numbers.groupby(labels[sample.index])
    held = np.flatnonzero((classes.min() == classes.max()).all() & (numbers.min() < numbers.max()))
    if not len(held):
        return None
    copied = _correspondence(column, _Pairs(numbers[held].apply(tuple, axis=1).astype(str), labels[sample.index]))
    if copied is None:
        return None
    places = ", ".join(str(place + 1) for place in held[:5]) + (", ..." if len(held) > 5 else "")
    return Leak(column.name, Severity.SUSPICIOUS, f"of its numbers, place {places}: {copied.evidence}")


def _correspondence(column: Column, pairs: _Pairs) -> Leak | None:
    n_free = len(pairs.values) - pairs.n_values
    determines = _agreement(pairs.values, pairs.labels)
    is_copy = _agreement(pairs.labels, pairs.values) >= _NEAR
    if n_free < 2 or determines < _NEAR or not (is_copy or column.modality == Modality.CATEGORICAL):
        return None
    if not _holds_in_every_class(pairs):
        return None
    agreed = round(determines * n_free)
    is_leak = _is_certain(pairs.labels, agreed, n_free, _COPY_SHARE if is_copy else _FINER_SHARE)
    if not is_leak and not is_copy and not _is_certain(pairs.labels, agreed, n_free, _COPY_SHARE):
        return None
    relation = "values and labels correspond one to one" if is_copy else "each value comes with one label only"
    evidence = (
        f"{relation}: {pairs.n_values:,} values, {pairs.n_labels:,} labels, "
        f"{agreed:,} of the {n_free:,} rows that could contradict it agree"
    )
    return Leak(column.name, Severity.LEAK if is_leak else Severity.SUSPICIOUS, evidence)


def _agreement(given: pd.Series, other: pd.Series) -> float:
    """Share of the rows beyond the first of each given value whose other value is that value's most frequent one."""
    best = given.groupby([given, other]).size().groupby(level=0).max()
    n_free = len(given) - len(best)
    return float((best - 1).sum() / n_free) if n_free else 0.0


def _holds_in_every_class(pairs: _Pairs) -> bool:
    """Guard against one class being nearly everything: then any column seems to decide the label."""
    best = pairs.values.groupby([pairs.values, pairs.labels]).size().groupby(level=0).idxmax()
    right = pairs.values.map(best.str[1]) == pairs.labels
    by_class = right.groupby(pairs.labels).agg(["mean", "size"])
    return bool((by_class["mean"][by_class["size"] > 1] >= _FINER_SHARE).all())


def _is_certain(labels: pd.Series, agreed: int, n_free: int, honest_share: float) -> bool:
    """Tell whether an honest predictor would agree as often less than once in twenty times."""
    from scipy.stats import binom

    largest = float(labels.value_counts(normalize=True).iloc[0])
    return bool(binom.sf(agreed - 1, n_free, max(honest_share, (1 + largest) / 2)) < _ALPHA)


def _label_words(column: Column, pairs: _Pairs) -> Leak | None:
    values, labels = evenly(pairs.values, _SAMPLE).map(_plain), evenly(pairs.labels, _SAMPLE).map(_plain)
    n_rows = len(values)
    if n_rows < _LEAST_ROWS or labels.nunique() > _MAX_LABELS or (labels.str.len() < 4).all():
        return None
    label_counts = labels.value_counts()
    holds, part = _containment(values, labels, label_counts)
    if column.modality == Modality.CATEGORICAL:
        for (share, chance), relation in ((holds, "contains the label"), (part, "is a part of the label")):
            if share >= 0.95 and share - chance >= 0.2:
                evidence = f"its value {relation} on {share:.0%} of the labelled rows"
                return Leak(column.name, Severity.LEAK, f"{evidence} ({chance:.0%} expected by chance)")
    share, chance = holds
    if share >= _TEXT_SHARE and share >= 2 * chance:
        evidence = f"holds its label's words on {share:.0%} of the labelled rows ({chance:.0%} expected by chance)"
        return Leak(column.name, Severity.SUSPICIOUS, evidence)
    return None


def _containment(
    values: pd.Series, labels: pd.Series, label_counts: pd.Series
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Shares of rows whose value contains the label, and is contained in it, each with what shuffled labels give."""
    weights = {label: float(count) / len(labels) for label, count in label_counts.items()}
    n_values = Counter(values)
    n_pairs = Counter(zip(values, labels, strict=True))
    holds = part = chance_holds = chance_part = 0.0
    for value, n_rows in n_values.items():
        for label, weight in weights.items():
            if label in value:
                holds, chance_holds = holds + n_pairs[value, label], chance_holds + weight * n_rows
            if value in label:
                part, chance_part = part + n_pairs[value, label], chance_part + weight * n_rows
    n = len(values)
    return (holds / n, chance_holds / n), (part / n, chance_part / n)


def _plain(text: str) -> str:
    """Lower-case words between single spaces, with a space at both ends, so that only whole words match."""
    split = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    words = re.sub(r"[\W_]+", " ", split).strip().lower()
    return f" {words} "


def _missing_classes(column: Column, present: Bool[np.ndarray, " n_rows"], labels: pd.Series) -> Leak | None:
    by_class = pd.Series(present).groupby(labels.array).agg(["mean", "size"])
    empty = by_class[by_class["mean"] == 0]
    if empty.empty or len(empty) == len(by_class) or not by_class["mean"].isin((0, 1)).all():
        return None
    if by_class["size"].min() < 3 or empty["size"].sum() < 5:
        return None
    names = ", ".join(f"'{name}'" for name in empty.index[:3])
    more = f" and {len(empty) - 3} more" if len(empty) > 3 else ""
    evidence = f"missing on all rows of {names}{more} and nowhere else, so that the gap itself tells the label"
    return Leak(column.name, Severity.SUSPICIOUS, evidence)
