"""Filling from the nearest rows: an absent block is the mean of that of the k rows most alike in the blocks given.

Alike is the mean of the cosines over the blocks that both rows have.

Reference: Troyanskaya et al. 2001, "Missing value estimation methods for DNA microarrays" (KNNimpute).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from metafuse.crossmodal.base import Codes, spans
from metafuse.fusion.early import normalise

N_NEIGHBOURS = 10


@dataclass(frozen=True)
class NearestTranslator:
    """Averages the rows nearby.

    Args:
        codes: Rows of the source.
        n_neighbours: Rows averaged.
    """

    codes: Codes
    n_neighbours: int

    def predict(self, codes: Codes) -> Float[np.ndarray, "n dim"]:
        """Predict all blocks, each from the nearest rows that have it and share a block with the item."""
        counts = codes.present.astype(np.float32) @ self.codes.present.T
        total = sum(
            normalise(codes.values[:, span]) @ normalise(self.codes.values[:, span]).T for span in spans(codes.sizes)
        )
        alike = np.where(counts > 0, total / np.maximum(counts, 1), -np.inf)
        predicted = np.zeros_like(codes.values)
        for block, span in enumerate(spans(codes.sizes)):
            holders = np.flatnonzero(self.codes.present[:, block])
            if not len(holders):
                continue
            own = alike[:, holders]
            nearest = np.argsort(-own, axis=1, kind="stable")[:, : self.n_neighbours]
            counted = np.isfinite(np.take_along_axis(own, nearest, axis=1)).astype(np.float32)
            values = self.codes.values[holders][:, span][nearest]  # (n, n_neighbours, size)
            predicted[:, span] = np.einsum("nk,nkd->nd", counted, values) / np.maximum(
                counted.sum(axis=1, keepdims=True), 1
            )
        return predicted


def fit_nearest(codes: Codes, *, seed: int, n_neighbours: int = N_NEIGHBOURS) -> NearestTranslator:
    """Keep the rows.

    Args:
        codes: Rows of the source.
        seed: Nothing is drawn.
        n_neighbours: Rows averaged.
    """
    return NearestTranslator(codes, n_neighbours)
