"""Early fusion: weighted concatenation of centred, L2-normalised columns.

    e(x) = normalise( [ sqrt(w_c) * normalise(x_c - m_c) for each column c that x has ] )

so the cosine of two items that have every column is the weighted mean of their cosines per column.
A column an item lacks contributes zeros, and the final normalisation spreads its weight over the
columns that are there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from metafuse.errors import ShapeError
from metafuse.features import Features
from metafuse.fusion.plan import FusionPlan


@dataclass(frozen=True)
class EarlyFusion:
    """Concatenates the columns it has a weight for.

    Args:
        weights: Column -> weight, at least 0; columns of weight 0 are left out.
        means: Column -> mean feature of the source, subtracted before normalising.
    """

    weights: Mapping[str, float]
    means: Mapping[str, Float[np.ndarray, " _"]]

    def forward(self, features: Features) -> Float[np.ndarray, "n_items dim"]:
        """Fuse the columns of each item.

        Returns:
            float32 embeddings, L2-normalised; zero where an item has none of the columns.
        Raises:
            ShapeError: a column is missing or has another dimension than the source had.
        """
        return normalise(np.concatenate([self._block(features, column) for column in self.columns], axis=1))

    @property
    def columns(self) -> list[str]:
        """Names of the columns that count, in the order they are concatenated."""
        return [column for column, weight in self.weights.items() if weight > 0]

    def _block(self, features: Features, column: str) -> Float[np.ndarray, "n_items dim"]:
        matrix, mean = features.matrices.get(column), self.means[column]
        if matrix is None or matrix.shape[1] != len(mean):
            found = "no such column" if matrix is None else f"{matrix.shape[1]} dimensions"
            raise ShapeError(f"fusion expected column '{column}' with {len(mean)} dimensions, got {found}.")
        block = normalise(matrix - mean) * np.float32(np.sqrt(self.weights[column]))
        return np.where(features.present[column][:, None], block, np.float32(0))


def fit_early_fusion(features: Features, weights: Mapping[str, float]) -> EarlyFusion:
    """Take the column means of a source, over the items that have the column.

    Args:
        features: Items of the source, labelled or not.
        weights: Column -> weight.
    """
    means = {
        column: _mean(features.matrices[column], features.present[column])
        for column, weight in weights.items()
        if weight > 0
    }
    return EarlyFusion({column: float(weights[column]) for column in means}, means)


def equal_weights(features: Features, columns: Sequence[str]) -> dict[str, float]:
    """Give each modality the same weight, shared evenly by its columns."""
    per_modality: dict[str, list[str]] = {}
    for column in columns:
        per_modality.setdefault(features.modalities[column], []).append(column)
    return {column: 1.0 / len(group) for group in per_modality.values() for column in group}


def normalise(matrix: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, "n dim"]:
    """Scale rows to length one; rows of zeros stay zero."""
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    return (matrix / np.maximum(lengths, 1e-12)).astype(np.float32, copy=False)


def early() -> FusionPlan:
    """One expert, on the early fusion of all modalities."""
    return FusionPlan(by_modality=False)


def _mean(matrix: Float[np.ndarray, "n dim"], present: np.ndarray) -> Float[np.ndarray, " dim"]:
    if not present.any():
        return np.zeros(matrix.shape[1], dtype=np.float32)
    return matrix[present].mean(axis=0, dtype=np.float64).astype(np.float32)
