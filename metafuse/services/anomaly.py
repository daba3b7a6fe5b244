"""Rows that do not belong, and why.

Each column is judged by itself: how far a row is from its nearest other rows there, in units of how far rows of the
column usually are. Numbers are judged by their distance from the median too, and each pair of columns by whether the
rows that resemble this one in the first also resemble it in the second. What is unusual in any of them makes the row
unusual; what a row lacks says nothing.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from metafuse.errors import ShapeError
from metafuse.features import Features
from metafuse.index.knn import nearest_neighbours
from metafuse.schema import TABULAR
from metafuse.services.normalise import unit_rows
from metafuse.services.surprise import COMPARED_ROWS, combine, crowd_distance, from_median, upper_share

N_NEIGHBOURS = 10
"""Rows alike from which on they are a group of their own and no anomalies."""

N_NORMAL = 3
NORMAL_SHARE = 0.8
"""Share of the rows, from the least anomalous up, that are shown as normal ones."""

UNUSUAL = 0.05
"""Share of rows up to which a column is given as a reason."""

SEED = 0
"""Seed of the random pairs that neighbours are compared with."""

N_DIRECTIONS = 128
"""Of a wide column where there are more than `COMPARED_ROWS` rows: time and memory grow with them, distances little."""

MIN_PRESENT = 20
"""Rows that must have a column before a row can be unusual in it."""


@dataclass(frozen=True)
class Anomalies:
    """How unusual each row is.

    Args:
        anomaly_score: Of each row, 0 and up; higher is more anomalous, 2 about as rare as one row in a hundred.
        shares: What was judged ("note", "weight_kg", "note against photo") -> share of the rows at least as unusual
            there as each row; 1 where the row lacks it.
    """

    anomaly_score: Float[np.ndarray, " n"]
    shares: Mapping[str, Float[np.ndarray, " n"]]

    def reasons(self, row: int, limit: int = 3) -> list[tuple[str, float]]:
        """What makes a row unusual, strongest first: what was judged and the share of rows as unusual there."""
        ranked = sorted((float(share[row]), name) for name, share in self.shares.items())
        return [(name, share) for share, name in ranked if share <= UNUSUAL][:limit]

    def explain(self, row: int) -> str:
        """Say in words what makes a row unusual."""
        said = [
            f"{name}: about {max(share, 0.001):.1%} of rows expected to be as unusual"
            for name, share in self.reasons(row)
        ]
        return "; ".join(said) or "nothing stands out by itself"


def find_anomalies(
    features: Features,
    *,
    numbers: Mapping[str, Float[np.ndarray, " n"]] | None = None,
    n_overlapping: int = 0,
    device: str = "auto",
) -> Anomalies:
    """Judge every row of a source.

    Args:
        features: One matrix per column.
        numbers: Numeric columns by name, NaN where missing, so that an absurd number is called by its column's name.
        n_overlapping: Rows before and after each that share data with it, as windows of one series do: they are near
            by themselves, and say nothing about it.
        device: "auto", "cpu" or "cuda", where neighbours are searched.
    Raises:
        ShapeError: the arguments have different numbers of rows.
    """
    numbers = numbers or {}
    sizes = {"features": len(features)} | {n: len(v) for n, v in numbers.items()}
    if len(set(sizes.values())) > 1:
        raise ShapeError(f"expected the same number of rows in all, got {sizes}.")
    columns = {name: _comparable(features, name) for name in features.matrices}
    names = [name for name in columns if features.present[name].sum() >= MIN_PRESENT]
    shares: dict[str, Float[np.ndarray, " n"]] = {}
    around: dict[str, Int[np.ndarray, "n_present k"]] = {}
    for name in names:
        rows = np.flatnonzero(features.present[name])
        distances, near = crowd_distance(columns[name][rows], N_NEIGHBOURS, device, n_overlapping=n_overlapping)
        shares[name] = _placed(upper_share(distances), rows, len(features))
        around[name] = rows[near]
    shares |= {name: _number_share(values) for name, values in numbers.items()}
    weights = dict.fromkeys(shares, 1.0)
    for first, second in itertools.permutations(names, 2):
        against = f"{first} against {second}"
        shares[against], weights[against] = _mismatch(features, columns, around, first, second)
    total = combine(list(shares.values()), list(weights.values())) if shares else np.zeros(len(features))
    telling = {name: share for name, share in shares.items() if weights[name] > 0}
    return Anomalies(total, telling)


def nearest_normal(
    embeddings: Float[np.ndarray, "n dim"],
    anomaly_score: Float[np.ndarray, " n"],
    rows: Int[np.ndarray, " m"],
    *,
    device: str = "auto",
) -> Int[np.ndarray, "m k"]:
    """Find the normal rows most similar to some rows, to compare them with.

    Args:
        embeddings: Of all rows, L2-normalised; zero rows are never shown.
        anomaly_score: Of all rows.
        rows: Positions of the rows to explain.
        device: "auto", "cpu" or "cuda", where neighbours are searched.
    Returns:
        Positions among all rows, most similar first; no columns where too few rows are normal.
    Raises:
        ShapeError: embeddings hold NaN.
    """
    usable = np.linalg.norm(embeddings, axis=1) > 0
    ranked = np.argsort(anomaly_score, kind="stable")
    ranked = ranked[usable[ranked]]
    normal = np.sort(ranked[: max(1, int(NORMAL_SHARE * len(ranked)))])
    if len(normal) < 2:
        return np.zeros((len(rows), 0), dtype=np.int64)
    own = np.full(len(embeddings), -1)
    own[normal] = np.arange(len(normal))
    n_shown = min(N_NORMAL, len(normal) - 1)
    found = nearest_neighbours(embeddings[rows], embeddings[normal], n_shown, device=device, own_positions=own[rows])
    return normal[found[1]]


def _comparable(features: Features, name: str) -> Float[np.ndarray, "n dim"]:
    """Centre and scale a column: rows of a table by each column's spread, others to unit length."""
    matrix, present = features.matrices[name], features.present[name]
    if not present.any():
        return matrix
    mean = matrix[present].mean(axis=0, dtype=np.float64).astype(np.float32)
    basis = _main_directions(matrix, np.flatnonzero(present), mean)
    centred = matrix - mean if basis is None else matrix @ basis - mean @ basis
    centred[~present] = 0
    return centred if features.modalities[name] in TABULAR else unit_rows(centred)


def _main_directions(
    matrix: Float[np.ndarray, "n dim"], rows: Int[np.ndarray, " n_present"], mean: Float[np.ndarray, " dim"]
) -> Float[np.ndarray, "dim n_directions"] | None:
    """Directions that a wide column of a large source is judged by; None where all of its dimensions are."""
    if len(rows) <= COMPARED_ROWS or matrix.shape[1] <= N_DIRECTIONS:
        return None
    sample = matrix[rows[np.linspace(0, len(rows) - 1, COMPARED_ROWS).astype(np.int64)]] - mean
    _, vectors = np.linalg.eigh((sample.T @ sample).astype(np.float64))
    return np.ascontiguousarray(vectors[:, : -N_DIRECTIONS - 1 : -1]).astype(np.float32)


def _number_share(values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    rows = np.flatnonzero(np.isfinite(values))
    if len(rows) < MIN_PRESENT:
        return np.ones(len(values))
    return _placed(upper_share(from_median(values[rows])), rows, len(values))


def _mismatch(
    features: Features,
    columns: Mapping[str, Float[np.ndarray, "n _"]],
    around: Mapping[str, Int[np.ndarray, "n_present k"]],
    first: str,
    second: str,
) -> tuple[Float[np.ndarray, " n"], float]:
    """How far a row's second column is from that of the rows nearest to it in the first, and what that is worth.

    It is worth what the first column tells about the second: nothing where neighbours are no closer than any rows.
    """
    rows = np.flatnonzero(features.present[first])
    near, has_second = around[first], features.present[second]
    counts = has_second[near].sum(axis=1)
    usable = has_second[rows] & (counts > 0)
    if usable.sum() < MIN_PRESENT:
        return np.ones(len(features)), 0.0
    matrix, rows, near, counts = columns[second], rows[usable], near[usable], counts[usable]
    expected = _sums(matrix, near) / counts[:, None]  # absent rows are zero
    distances = np.linalg.norm(matrix[rows] - expected, axis=1)
    others = np.random.default_rng(SEED).permutation(len(rows))
    unrelated = np.median(np.linalg.norm(matrix[rows] - expected[others], axis=1))
    worth = max(0.0, 1 - float(np.median(distances) / unrelated)) if unrelated > 0 else 0.0
    return _placed(upper_share(distances), rows, len(features)), worth


def _sums(matrix: Float[np.ndarray, "n dim"], near: Int[np.ndarray, "m k"]) -> Float[np.ndarray, "m dim"]:
    """Sum the matrix over the neighbours of each row; a sparse product, since `matrix[near]` may not fit in memory."""
    from scipy.sparse import csr_array

    n_rows, k = near.shape
    starts = np.arange(0, n_rows * k + 1, k)
    picks = csr_array((np.ones(near.size, dtype=np.float32), near.ravel(), starts), shape=(n_rows, len(matrix)))
    return picks @ matrix


def _placed(shares: Float[np.ndarray, " m"], rows: Int[np.ndarray, " m"], n_rows: int) -> Float[np.ndarray, " n_rows"]:
    placed = np.ones(n_rows)  # a row that lacks the column is not unusual in it
    placed[rows] = shares
    return placed
