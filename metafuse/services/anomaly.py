"""Rows that do not belong, and why.

Each column is judged by itself: how far a row is from its nearest other rows there, in units of how far rows of the
column usually are. Numbers are judged by their distance from the median too, and each pair of columns by whether the
rows that resemble this one in the first also resemble it in the second. What is unusual in any of them makes the row
unusual; what a row lacks says nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from metafuse.errors import ShapeError
from metafuse.features import Features
from metafuse.index.knn import nearest_neighbours
from metafuse.schema import TABULAR
from metafuse.services.normalise import unit_rows
from metafuse.services.surprise import TAIL_START, crowd_distance, one_sided, two_sided

N_NEIGHBOURS = 5
"""Rows alike from which on they are a group of their own and no anomalies."""

N_NORMAL = 3
NORMAL_SHARE = 0.8
"""Share of the rows, from the least anomalous up, that are shown as normal ones."""

MIN_PRESENT = 20
"""Rows that must have a column before a row can be unusual in it."""


@dataclass(frozen=True)
class Anomalies:
    """How unusual each row is.

    Args:
        anomaly_score: Of each row, 0 and up; higher is more anomalous.
        parts: What was judged ("note", "weight_kg", "note against photo") -> each row's surprise there, in units of
            the usual spread beyond the usual range; 0 where the row is usual or lacks it.
        normal_rows: Positions of the normal rows most similar to each row, most similar first.
    """

    anomaly_score: Float[np.ndarray, " n"]
    parts: Mapping[str, Float[np.ndarray, " n"]]
    normal_rows: Int[np.ndarray, "n k"]

    def reasons(self, row: int, limit: int = 3) -> list[tuple[str, float]]:
        """What makes a row unusual, strongest first: name of the part and the row's surprise in it."""
        ranked = sorted(self.parts, key=lambda name: -self.parts[name][row])
        return [(name, float(self.parts[name][row])) for name in ranked if self.parts[name][row] > 0][:limit]


def find_anomalies(
    features: Features,
    embeddings: Float[np.ndarray, "n dim"],
    *,
    numbers: Mapping[str, Float[np.ndarray, " n"]] | None = None,
    device: str = "auto",
) -> Anomalies:
    """Judge every row of a source.

    Args:
        features: One matrix per column.
        embeddings: The fused rows, L2-normalised, for the nearest normal rows.
        numbers: Numeric columns by name, NaN where missing, so that an absurd number is called by its column's name.
        device: "auto", "cpu" or "cuda", where neighbours are searched.
    Raises:
        ShapeError: the arguments have different numbers of rows, or embeddings hold NaN.
    """
    numbers = numbers or {}
    sizes = {"features": len(features), "embeddings": len(embeddings)} | {n: len(v) for n, v in numbers.items()}
    if len(set(sizes.values())) > 1:
        raise ShapeError(f"expected the same number of rows in all, got {sizes}.")
    columns = {name: _comparable(features, name) for name in features.matrices}
    names = [name for name in columns if features.present[name].sum() >= MIN_PRESENT]
    parts: dict[str, Float[np.ndarray, " n"]] = {}
    around: dict[str, Int[np.ndarray, "n_present k"]] = {}
    for name in names:
        rows = np.flatnonzero(features.present[name])
        distances, near = crowd_distance(columns[name][rows], N_NEIGHBOURS, device)
        parts[name] = _placed(one_sided(distances), rows, len(features))
        around[name] = rows[near]
    parts |= {name: _number_surprise(values) for name, values in numbers.items()}
    for first in names:
        for second in names:
            if first != second:
                parts[f"{first} against {second}"] = _mismatch(features, columns, around, first, second)
    total = np.sqrt(np.sum([part**2 for part in parts.values()], axis=0)) if parts else np.zeros(len(features))
    return Anomalies(total, parts, _normal_rows(embeddings, total, device))


def _comparable(features: Features, name: str) -> Float[np.ndarray, "n dim"]:
    """Centre and scale a column: rows of a table by each column's spread, others to unit length."""
    matrix, present = features.matrices[name], features.present[name]
    if not present.any():
        return matrix
    centred = np.where(present[:, None], matrix - matrix[present].mean(axis=0), 0).astype(np.float32)
    return centred if features.modalities[name] in TABULAR else unit_rows(centred)


def _number_surprise(values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    rows = np.flatnonzero(np.isfinite(values))
    if len(rows) < MIN_PRESENT:
        return np.zeros(len(values))
    return _placed(two_sided(values[rows]), rows, len(values))


def _mismatch(
    features: Features,
    columns: Mapping[str, Float[np.ndarray, "n _"]],
    around: Mapping[str, Int[np.ndarray, "n_present k"]],
    first: str,
    second: str,
) -> Float[np.ndarray, " n"]:
    """Surprise at a row's second column, given the rows nearest to it in the first.

    It counts as much as the first column tells about the second: not at all where neighbours are no closer than
    any two rows.
    """
    rows = np.flatnonzero(features.present[first])
    near, has_second = around[first], features.present[second]
    counts = has_second[near].sum(axis=1)
    usable = has_second[rows] & (counts > 0)
    nothing = np.zeros(len(features))
    if usable.sum() < MIN_PRESENT:
        return nothing
    matrix, rows, near, counts = columns[second], rows[usable], near[usable], counts[usable]
    expected = matrix[near].sum(axis=1) / counts[:, None]  # absent rows are zero
    distances = np.linalg.norm(matrix[rows] - expected, axis=1)
    shuffled = np.linalg.norm(matrix[rows] - np.roll(expected, len(rows) // 2, axis=0), axis=1)
    usual, unrelated = np.median(distances), np.median(shuffled)
    share = max(0.0, 1 - usual / unrelated) if unrelated > 0 else 0.0
    return _placed(share * one_sided(distances), rows, len(features))


def _placed(
    surprise: Float[np.ndarray, " m"], rows: Int[np.ndarray, " m"], n_rows: int
) -> Float[np.ndarray, " n_rows"]:
    """Put the surprise of some rows among all, counting only what lies beyond the usual range."""
    placed = np.zeros(n_rows)
    placed[rows] = np.maximum(surprise - TAIL_START, 0)
    return placed


def _normal_rows(
    embeddings: Float[np.ndarray, "n dim"], anomaly_score: Float[np.ndarray, " n"], device: str
) -> Int[np.ndarray, "n k"]:
    has_embedding: Bool[np.ndarray, " n"] = embeddings.any(axis=1)
    ranked = np.argsort(anomaly_score, kind="stable")
    ranked = ranked[has_embedding[ranked]]
    normal = np.sort(ranked[: max(1, int(NORMAL_SHARE * len(ranked)))])
    if len(normal) < 2:
        return np.zeros((len(embeddings), 0), dtype=np.int64)
    n_shown = min(N_NORMAL, len(normal) - 1)
    found = normal[nearest_neighbours(embeddings, embeddings[normal], n_shown + 1, device=device)[1]]
    # A normal row is its own nearest one: move it behind the others and cut.
    order = np.argsort(found == np.arange(len(embeddings))[:, None], axis=1, kind="stable")
    return np.take_along_axis(found, order, axis=1)[:, :n_shown]
