"""Answers of a run as tables for people and programs."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from metafuse.fusion.late import log_softmax
from metafuse.rows import Rows
from metafuse.schema import WRITTEN, Modality, Schema
from metafuse.services.anomaly import Anomalies
from metafuse.services.cluster import Clustering
from metafuse.services.suggest import Suggestion
from metafuse.sources.cells import as_text
from metafuse.sources.labels import text_key

FILES = (Modality.IMAGE, Modality.AUDIO, Modality.VIDEO, Modality.PDF)
MAX_CHARS = 2_000
"""Of a cell: long documents are named and shown by their beginning."""


def row_texts(rows: Rows, schema: Schema) -> list[str]:
    """What each row says: its written columns, or where there are none its tabular ones, or the names of its files."""
    names = schema.named(*WRITTEN) or schema.named(Modality.CATEGORICAL, Modality.NUMERIC) or schema.named(*FILES)
    columns = [[_words(cell) for cell in rows.frame[name].astype(object)] for name in names]
    if not columns:
        return [""] * len(rows)
    return [" · ".join(cell for cell in cells if cell.strip()) for cells in zip(*columns, strict=True)]


def _words(cell: object) -> str:
    """The cell as text; the start of a long one, and nothing of media in memory."""
    if isinstance(cell, bytes | Mapping | np.ndarray):
        return ""
    return (as_text(cell) or "")[:MAX_CHARS]


def hit_table(
    found: Sequence[tuple[int, float]], rows: Rows, predicted: pd.Series, texts: Sequence[str]
) -> pd.DataFrame:
    """Rows found, best first: id, similarity, label (the row's own or the predicted one), is_predicted, text.

    Args:
        found: Position and similarity of each.
        rows: All rows.
        predicted: Label of each of them.
        texts: What each row found says.
    """
    places = [place for place, _ in found]
    return pd.DataFrame(
        {
            "id": rows.ids[places],
            "similarity": np.array([similarity for _, similarity in found], dtype=np.float32),
            "label": [rows.labels[place] or predicted.iloc[place] for place in places],
            "is_predicted": [rows.labels[place] is None for place in places],
            "text": list(texts),
        }
    )


def prediction_table(
    ids: pd.Index,
    classes: Sequence[str],
    logits: Float[np.ndarray, "n n_way"],
    p_values: Float[np.ndarray, " n"],
    false_alarm: float,
) -> pd.DataFrame:
    """Best known class of each row: id, label, probability, is_unknown (p_value < false_alarm), p_value."""
    logs = log_softmax(logits)
    best = logs.argmax(axis=1) if len(logs) else np.zeros(0, dtype=np.int64)
    return pd.DataFrame(
        {
            "id": ids,
            "label": [classes[place] for place in best],
            "probability": np.exp(logs[np.arange(len(logs)), best]).astype(np.float32),
            "is_unknown": p_values < false_alarm,
            "p_value": p_values,
        }
    )


def cluster_table(ids: pd.Index, found: Clustering) -> pd.DataFrame:
    """Group of each row: id, cluster (-1 for a row with nothing to embed), name, is_new."""
    names = [*(group.name for group in found.clusters), None]
    is_new = [*(group.is_new for group in found.clusters), False]
    return pd.DataFrame(
        {
            "id": ids,
            "cluster": found.assignment,
            "name": [names[place] for place in found.assignment],
            "is_new": [is_new[place] for place in found.assignment],
        }
    )


def group_table(ids: pd.Index, found: Clustering) -> pd.DataFrame:
    """One line a group: cluster, name, is_new, n_rows, words (most telling), central_rows (ids)."""
    return pd.DataFrame(
        {
            "cluster": range(len(found.clusters)),
            "name": [group.name for group in found.clusters],
            "is_new": [group.is_new for group in found.clusters],
            "n_rows": [group.n_rows for group in found.clusters],
            "words": [list(group.words) for group in found.clusters],
            "central_rows": [[text_key(ids[row]) for row in group.central_rows] for group in found.clusters],
        }
    )


def anomaly_table(
    ids: pd.Index,
    judged: Anomalies,
    order: Int[np.ndarray, " m"],
    near: Int[np.ndarray, "m k"],
    texts: Sequence[str],
) -> pd.DataFrame:
    """The strangest rows: id, anomaly_score (up = more anomalous), reason, nearest_normal (ids), text.

    Args:
        ids: Of all rows.
        judged: How unusual each row is.
        order: Positions of the rows to list.
        near: Positions of the ordinary rows nearest to each.
        texts: What each listed row says.
    """
    return pd.DataFrame(
        {
            "id": ids[order],
            "anomaly_score": judged.anomaly_score[order],
            "reason": [judged.explain(int(row)) for row in order],
            "nearest_normal": [ids[rows].tolist() for rows in near],
            "text": list(texts),
        }
    )


def suggestion_table(predictions: pd.DataFrame, found: Sequence[Suggestion], texts: Sequence[str]) -> pd.DataFrame:
    """Rows to label next: id, label (predicted), probability, reason, text.

    Args:
        predictions: For all rows.
        found: Most useful first.
        texts: What each suggested row says.
    """
    own = predictions.iloc[[suggestion.row for suggestion in found]]
    return pd.DataFrame(
        {
            "id": own["id"].array,
            "label": own["label"].to_numpy(),
            "probability": own["probability"].to_numpy(),
            "reason": [suggestion.reason for suggestion in found],
            "text": list(texts),
        }
    )
