"""Rows of a source with their ids and labels settled: what everything after the schema works on."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from metafuse.errors import AdaptationError, SchemaError
from metafuse.schema import Schema
from metafuse.sources.base import Dataset
from metafuse.sources.labels import text_key
from metafuse.sources.media import Media

SHOWN = 5


@dataclass(frozen=True)
class Rows:
    """Rows ready to be encoded.

    Args:
        ids: The source's own ids, unique; row positions where it has none.
        frame: The rows' cells, positional index.
        labels: Label of each row as text; None where it has none.
        media: Opens the files that cells name.
    """

    ids: pd.Index
    frame: pd.DataFrame
    labels: tuple[str | None, ...]
    media: Media

    def __len__(self) -> int:
        return len(self.frame)


def take_rows(
    dataset: Dataset, schema: Schema, labels: Mapping[str, str] | None = None, *, unique_ids: bool = True
) -> Rows:
    """Settle the ids and labels of a source's rows.

    Args:
        dataset: Rows as they came.
        schema: Which column is what.
        labels: id -> label from outside; None to take the source's own label column.
        unique_ids: Refuse ids that repeat or are missing.
    Raises:
        SchemaError: ids repeat, or an id is missing.
        AdaptationError: labels name rows the source does not have.
    """
    frame = dataset.frame
    if schema.id_column is not None and schema.id_column in frame:
        ids = pd.Index(frame[schema.id_column])
    else:
        is_id = frame.index.is_unique and not isinstance(frame.index, pd.MultiIndex)
        ids = frame.index if is_id else pd.RangeIndex(len(frame))
    if unique_ids:
        _check_ids(ids, schema.id_column)
    frame = frame.reset_index(drop=True)
    if labels is not None:
        return Rows(ids, frame, _outside_labels(ids, labels, {row.row_id for row in dataset.quarantine}), dataset.media)
    if schema.label_column is None or schema.label_column not in frame:
        return Rows(ids, frame, (None,) * len(frame), dataset.media)
    column = frame[schema.label_column]
    own = tuple(
        None if missing or not text_key(value).strip() else text_key(value).strip()
        for value, missing in zip(column, column.isna(), strict=True)
    )
    return Rows(ids, frame, own, dataset.media)


def class_indices(labels: tuple[str | None, ...], classes: tuple[str, ...]) -> np.ndarray:
    """Place of each row's label among the classes, -1 where it has none: (n_rows,) int64."""
    places = {label: place for place, label in enumerate(classes)}
    return np.array([-1 if label is None else places[label] for label in labels], dtype=np.int64)


def _check_ids(ids: pd.Index, column: str | None) -> None:
    name = "the row index" if column is None else f"id column '{column}'"
    if ids.isna().any():
        raise SchemaError(f"{name}: expected an id in every row, {int(ids.isna().sum())} are empty. Fill them in.")
    repeated = ids[ids.duplicated()].unique()
    if len(repeated):
        shown = ", ".join(str(value) for value in repeated[:SHOWN])
        raise SchemaError(
            f"{name}: expected unique ids, {len(repeated)} occur more than once ({shown}). Make them unique, or set "
            "another id column (or mark this one as ignored) under [columns] of a task file."
        )


def _outside_labels(ids: pd.Index, labels: Mapping[str, str], quarantined: set[str]) -> tuple[str | None, ...]:
    keys = [text_key(value) for value in ids]
    unknown = sorted(set(labels) - set(keys) - quarantined)
    if unknown:
        raise AdaptationError(
            f"{len(unknown)} of {len(labels)} labels name no row of the source: {', '.join(unknown[:SHOWN])}. "
            f"The source's ids look like {', '.join(keys[:3])}. Correct the ids in the labels, or remove those lines."
        )
    return tuple(labels.get(key) for key in keys)
