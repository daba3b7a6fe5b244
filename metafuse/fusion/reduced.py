"""A fusion seen through its main directions: the same cosines, nearly, in fewer dimensions.

    e(x) = normalise(B^T f(x)),    B the leading eigenvectors of the source's scatter

What is fitted to an embedding costs the cube of its dimension, and several columns side by side reach thousands.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from metafuse.features import Features
from metafuse.fusion.base import Fusion
from metafuse.fusion.early import normalise

MOST_DIMENSIONS = 384
"""Of the default text encoder, so that text alone is never reduced."""

FIT_ROWS = 20_000


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


def reduce_fusion(fusion: Fusion, features: Features, seed: int) -> Fusion:
    """Return the fusion itself where it has few dimensions, else its main directions on a source's items.

    Args:
        fusion: What makes the embeddings.
        features: Items of the source.
        seed: Draws the items that are looked at where there are many.
    """
    if len(features) > FIT_ROWS:
        chosen = np.random.default_rng(seed).choice(len(features), FIT_ROWS, replace=False)
        features = features.take(np.sort(chosen))
    embedding = fusion.forward(features)
    if embedding.shape[1] <= MOST_DIMENSIONS:
        return fusion
    _, vectors = np.linalg.eigh((embedding.T @ embedding).astype(np.float64))
    return ReducedFusion(fusion, np.ascontiguousarray(vectors[:, : -MOST_DIMENSIONS - 1 : -1]).astype(np.float32))
