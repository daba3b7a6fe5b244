"""A fusion seen through its main directions: the same cosines, nearly, in fewer dimensions.

    e(x) = normalise(B^T f(x)),    B the leading eigenvectors of the source's scatter

What is fitted to an embedding costs the cube of its dimension, and several columns side by side reach thousands.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.linalg import eigh

from metafuse.features import Features
from metafuse.fusion.base import Fusion
from metafuse.fusion.early import normalise

MOST_DIMENSIONS = 384
"""Of the default text encoder, so that text alone is never reduced."""

FIT_ROWS = 20_000

LEAST_SHARE = 1e-9
"""Of the largest eigenvalue, under which a direction is rounding error."""


@dataclass(frozen=True)
class ReducedFusion:
    """Projects another fusion's embeddings.

    Args:
        fusion: What makes the embeddings.
        basis: Orthonormal columns.
    """

    fusion: Fusion
    basis: Float[np.ndarray, "dim n_directions"]

    def forward(self, features: Features) -> Float[np.ndarray, "n_items n_directions"]:
        """Fuse and project; float32, L2-normalised, zero where an item has none of the columns."""
        return normalise(self.fusion.forward(features) @ self.basis)


def reduce_fusion(fusion: Fusion, features: Features, seed: int, *, most_dimensions: int | None = None) -> Fusion:
    """Return the fusion itself where it has few dimensions, else its main directions on a source's items.

    Args:
        fusion: What makes the embeddings.
        features: Items of the source.
        seed: Draws the items that are looked at where there are many.
        most_dimensions: Above which it is projected, and to as many; `MOST_DIMENSIONS` when None.
    """
    most = MOST_DIMENSIONS if most_dimensions is None else most_dimensions
    if len(features) > FIT_ROWS:
        chosen = np.random.default_rng(seed).choice(len(features), FIT_ROWS, replace=False)
        features = features.take(np.sort(chosen))
    embedding = fusion.forward(features)
    if embedding.shape[1] <= most:
        return fusion
    return ReducedFusion(fusion, _main_directions(embedding, most))


def _main_directions(embedding: Float[np.ndarray, "n dim"], n_directions: int) -> Float[np.ndarray, "dim n_directions"]:
    """Leading eigenvectors of the scatter, from the smaller of the two Gram matrices."""
    n_rows, dim = embedding.shape
    if n_rows < dim:
        value, vector = _largest(embedding @ embedding.T, n_directions)
        solid = value > LEAST_SHARE * value.max(initial=0.0)
        basis = embedding.T @ (vector[:, solid] / np.sqrt(value[solid]))
    else:
        _, basis = _largest(embedding.T @ embedding, n_directions)
    return np.ascontiguousarray(basis).astype(np.float32)


def _largest(
    gram: Float[np.ndarray, "n n"], n_values: int
) -> tuple[Float[np.ndarray, " n_found"], Float[np.ndarray, "n n_found"]]:
    """Largest eigenvalues and their eigenvectors, descending."""
    n = len(gram)
    value, vector = eigh(gram.astype(np.float64), subset_by_index=[max(0, n - n_values), n - 1])
    return value[::-1], vector[:, ::-1]
