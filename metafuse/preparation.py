"""From an opened source to rows whose schema, ids and labels are settled: what `adapt` and `inspect` start from."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from metafuse.cleaning.base import Cleaner, ColumnChanges
from metafuse.cleaning.fit import fit_cleaner
from metafuse.errors import AdaptationError, SchemaError
from metafuse.leaks import Severity, find_leaks
from metafuse.rows import Rows, take_rows
from metafuse.schema import Column, Modality, Schema, infer_schema
from metafuse.sources.base import Dataset
from metafuse.sources.labels import read_labels
from metafuse.task import CleanSpec, Opened, TaskSpec

SHOWN = 5
"""Labels named in a note."""


@dataclass(frozen=True)
class Prepared:
    """A source that was read.

    Args:
        dataset: Its rows as they came.
        schema: Which column is what, without the columns that give the label away.
        rows: With ids and labels, cleaned.
        cleaner: What cleaned them.
        changes: Every cell that was changed, and what it was.
        notes: What the user should know, in words.
    """

    dataset: Dataset
    schema: Schema
    rows: Rows
    cleaner: Cleaner
    changes: tuple[ColumnChanges, ...]
    notes: tuple[str, ...]


def prepare(
    opened: Opened, labels: object, label_column: str | None, seed: int, *, needs_labels: bool = True
) -> Prepared:
    """Read a source, settle its schema, ids and labels, and clean its cells.

    Args:
        opened: The source, with its task file.
        labels: Labels from outside; None for the source's own label column.
        label_column: The column that holds the labels; inferred when None.
        seed: Of the labels a task file's k_shot draws.
        needs_labels: Refuse a source without a label column.
    Raises:
        SourceError: the source cannot be read.
        SchemaError: its columns do not fit what was asked.
        AdaptationError: labels name rows the source does not have.
    """
    dataset, spec = opened.source.read(), opened.task
    outside = None if labels is None else read_labels(labels)
    schema = infer_schema(dataset.frame, overrides=_known_columns(spec), label_column=label_column)
    if needs_labels and outside is None and schema.label_column is None:
        raise SchemaError(
            f"source '{dataset.name}' has no label column: expected one among {', '.join(map(str, dataset.frame))}. "
            "Name it with --label-column, or give --labels FILE with ids and labels."
        )
    rows = take_rows(dataset, schema, outside)
    if outside is None and spec is not None and spec.adapt.k_shot is not None:
        rows = replace(rows, labels=_draw_shots(rows.labels, spec.adapt.k_shot, seed))
    cleaner = fit_cleaner(rows.frame, schema, **(spec.clean if spec else CleanSpec()).model_dump())
    cleaned = cleaner.apply(rows.frame)
    rows = replace(rows, frame=cleaned.frame)
    schema, notes = _leave_out_leaks(schema, rows, overridden=set(spec.columns) if spec else set())
    joined = [line for report in dataset.joins for line in report.describe()]
    return Prepared(dataset, schema, rows, cleaner, cleaned.changes, (*joined, *notes, *_single_notes(rows)))


def _known_columns(spec: TaskSpec | None) -> Mapping[str, Modality]:
    """What a task file says columns are; the id of a long table is one even where it does not look like one."""
    if spec is None:
        return {}
    ids = {spec.source.long.id: Modality.ID} if spec.source.long else {}
    return ids | dict(spec.columns)


def label_classes(rows: Rows) -> tuple[str, ...]:
    """List the classes that rows are labelled with, sorted.

    Raises:
        AdaptationError: there are fewer than two.
    """
    labels = [label for label in rows.labels if label is not None]
    classes = tuple(sorted(set(labels)))
    if not labels:
        raise AdaptationError(
            "no row has a label: expected a handful for each of two classes or more. Fill in the label column for some "
            "rows, or give --labels FILE with ids and labels."
        )
    if len(classes) == 1:
        raise AdaptationError(
            f"all {len(labels)} labels are '{classes[0]}': expected at least two classes. Label rows of another class."
        )
    return classes


def _leave_out_leaks(schema: Schema, rows: Rows, overridden: set[str]) -> tuple[Schema, list[str]]:
    """Ignore the columns that give the label away, unless a task file asks for them; warn of those that may."""
    notes = []
    for leak in find_leaks(rows.frame, schema, pd.Series(rows.labels, dtype=object), rows.media):
        if leak.severity == Severity.LEAK and leak.column not in overridden:
            schema = _ignore(schema, leak.column, leak.evidence)
            notes.append(f"column '{leak.column}' is left out: it gives the label away ({leak.evidence})")
        else:
            notes.append(f"column '{leak.column}' is {leak.severity}: {leak.evidence}")
    return schema, notes


def _single_notes(rows: Rows) -> list[str]:
    counts = Counter(label for label in rows.labels if label is not None)
    single = sorted(label for label, count in counts.items() if count == 1)
    if not single:
        return []
    more = f" and {len(single) - SHOWN} more" if len(single) > SHOWN else ""
    return [
        f"{len(single)} of {len(counts)} classes have one label, so that none can be held out to measure them: "
        f"{', '.join(single[:SHOWN])}{more}"
    ]


def _draw_shots(labels: tuple[str | None, ...], k_shot: int, seed: int) -> tuple[str | None, ...]:
    generator = np.random.default_rng(seed)
    kept: set[int] = set()
    for label in sorted({label for label in labels if label is not None}):
        places = [place for place, own in enumerate(labels) if own == label]
        kept.update(generator.permutation(places)[:k_shot].tolist())
    return tuple(label if place in kept else None for place, label in enumerate(labels))


def _ignore(schema: Schema, name: str, reason: str) -> Schema:
    return Schema(
        tuple(
            Column(name, Modality.IGNORED, f"gives the label away: {reason}") if column.name == name else column
            for column in schema.columns
        )
    )
