"""`inspect`: what a source holds, how clean it is, and what adapt would do. Trains and encodes nothing."""

from typing import Any

import pandas as pd

from metafuse.encoders.parts import cells_of, describe_encoders
from metafuse.encoders.series_steps import count_series_steps
from metafuse.joins.source import JoinedSource
from metafuse.preparation import Prepared, prepare
from metafuse.quality import Quality, examine
from metafuse.rows import Rows
from metafuse.schema import Modality, Schema
from metafuse.task import AdaptSpec, Opened, open_any

SHOWN = 10


def inspect(source: object, labels: object = None, *, label_column: str | None = None, seed: int = 0) -> dict[str, Any]:
    """Look at a source.

    Args:
        source: As `adapt` takes it.
        labels: Mapping id -> label, a two-column table or the path of one; None for the source's own label column.
        label_column: The column that holds the labels; inferred when not given.
        seed: Of the labels a task file's k_shot draws.
    Returns:
        JSON-able facts by title: source, rows, labels, columns (modality, why, gaps, distinct, outliers), cleaning,
        findings, quarantine, joins (columns of both sides that mean the same, with confidence) and plan.
    Raises:
        SourceError, SchemaError: as `adapt`.
    """
    opened = open_any(source)
    found = prepare(opened, labels, label_column, seed, needs_labels=False)
    dataset, schema, rows = found.dataset, found.schema, found.rows
    quality = examine(rows.frame, schema, pd.Series(rows.labels, dtype=object), media=rows.media)
    return {
        "source": dataset.name,
        "rows": len(rows),
        "labels": _labels(quality),
        "columns": _columns(schema, quality),
        "cleaning": [*(change.count.text for change in found.changes), *_series_steps(found)],
        "findings": [*found.notes, *(left.text for left in found.cleaner.findings), *_findings(quality)],
        "quarantine": [{"row": bad.row_id, "column": bad.column, "reason": bad.reason} for bad in dataset.quarantine],
        "joins": opened.source.propose() if isinstance(opened.source, JoinedSource) else [],
        "plan": _plan(opened, schema, rows, quality),
    }


def _series_steps(found: Prepared) -> list[str]:
    """What is done to time series where they are read."""
    columns = found.schema.named(Modality.SERIES)
    cells = {name: [cell for cell in cells_of(found.rows.frame, (name,)) if cell is not None] for name in columns}
    said = [count_series_steps(cells[name], found.rows.media, found.cleaner.series_rule(name)) for name in columns]
    return [words for words in said if words is not None]


def _labels(quality: Quality) -> dict[str, Any]:
    found = quality.classes
    if found is None or not found.n_labelled:
        return {"labelled": 0}
    counts = [count for _, count in found.counts]
    return {
        "labelled": found.n_labelled,
        "classes": len(counts),
        "labels a class": f"{min(counts)} to {max(counts)}",
        "with one label": ", ".join(found.single[:SHOWN]) or "none",
    }


def _columns(schema: Schema, quality: Quality) -> list[dict[str, Any]]:
    return [
        {
            "column": column.name,
            "modality": str(column.modality),
            "missing": f"{found.share_missing:.0%}",
            "distinct": found.n_distinct,
            "outliers": found.n_outliers if column.modality is Modality.NUMERIC else None,
            "why": column.reason if found.mixed is None else f"{column.reason}; {found.mixed}",
        }
        for column, found in zip(schema.columns, quality.columns, strict=True)
    ]


def _findings(quality: Quality) -> list[str]:
    found = []
    if quality.repeats.n_rows:
        found.append(f"{_rows(quality.repeats.n_rows, 'repeat')} another's content ({_pairs(quality.repeats.groups)})")
    if quality.near_repeats.n_rows:
        closest = _pairs([pair[:2] for pair in quality.near_repeats.pairs])
        found.append(f"{_rows(quality.near_repeats.n_rows, 'nearly repeat')} another's text ({closest})")
    found += [
        f"{_rows(repeats.n_rows, 'repeat')} another's image in '{column}' ({_pairs(repeats.groups)})"
        for column, repeats in quality.repeated_images.items()
        if repeats.n_rows
    ]
    found += [
        f"outliers in '{column.name}': rows {', '.join(column.outliers)}"
        for column in quality.columns
        if column.outliers
    ]
    return found + [
        f"{_rows(pattern.n_rows, 'lack')} {', '.join(pattern.columns)} together"
        for pattern in quality.missing.patterns
        if len(pattern.columns) > 1
    ]


def _rows(n_rows: int, verb: str) -> str:
    return f"1 row {verb}s" if n_rows == 1 else f"{n_rows} rows {verb}"


def _pairs(groups: Any) -> str:
    return "; ".join(" = ".join(group) for group in list(groups)[:3])


def _plan(opened: Opened, schema: Schema, rows: Rows, quality: Quality) -> dict[str, Any]:
    how = opened.task.adapt if opened.task else AdaptSpec()
    plan = {
        f"encode {modality}": f"{', '.join(columns)} with {encoder}"
        for modality, (columns, encoder) in describe_encoders(schema, how.models).items()
    }
    n_classes = len(quality.classes.counts) if quality.classes else 0
    if n_classes < 2:
        return plan | {"adapt": f"cannot: labels of at least two classes are needed, {n_classes} found"}
    return plan | {
        "adapt": f"learner {how.learner}, fusion {how.fusion}, {n_classes} classes, "
        f"{sum(label is None for label in rows.labels)} unlabelled rows as pool",
        "unknown": f"called at a false-alarm rate of {how.false_alarm:.0%}",
    }
