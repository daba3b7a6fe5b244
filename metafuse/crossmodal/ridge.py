"""Ridge regression of the blocks an item lacks on those it has: the mean of a Gaussian given what is known.

    x_l = C_lk (C_kk + r I)^-1 x_k,    C the scatter of the source, k known, l lacking

One scatter serves every pattern of gaps. Entries of C are means over the rows that have both blocks, so C may have
negative eigenvalues, which are raised to zero. r is the one of `RIDGES` under which held-out rows are foreseen
best from half of their blocks.

Reference: Hoerl and Kennard 1970, "Ridge regression: biased estimation for nonorthogonal problems".
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from metafuse.crossmodal.base import Codes
from metafuse.crossmodal.hiding import hidden_error, hide_blocks, split_rows, take_codes

RIDGES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)


@dataclass(frozen=True)
class RidgeTranslator:
    """Predicts by the scatter of the source.

    Args:
        scatter: Second moments of the codes.
        ridge: Added to its diagonal.
    """

    scatter: Float[np.ndarray, "dim dim"]
    ridge: float

    def predict(self, codes: Codes) -> Float[np.ndarray, "n dim"]:
        """Predict all blocks by the same regression, one pattern of gaps at a time."""
        predicted = np.zeros_like(codes.values)
        patterns, inverse = np.unique(codes.present, axis=0, return_inverse=True)
        for place, pattern in enumerate(patterns):
            known, rows = np.repeat(pattern, codes.sizes), np.flatnonzero(inverse.ravel() == place)
            own = self.scatter[np.ix_(known, known)] + self.ridge * np.eye(int(known.sum()))
            weights = np.linalg.solve(own, self.scatter[known])
            predicted[rows] = codes.values[np.ix_(rows, known)] @ weights
        return predicted


def fit_ridge(codes: Codes, *, seed: int) -> RidgeTranslator:
    """Take the scatter, and choose the ridge on a fifth of the rows.

    Args:
        codes: Rows of the source.
        seed: Draws the rows held out and the blocks hidden.
    """
    random = np.random.default_rng(seed)
    fitted, held_out = (take_codes(codes, rows) for rows in split_rows(len(codes.values), random))
    given = hide_blocks(held_out, random)
    scatter = _scatter(fitted)
    errors = [hidden_error(RidgeTranslator(scatter, ridge), held_out, given) for ridge in RIDGES]
    return RidgeTranslator(_scatter(codes), RIDGES[int(np.argmin(errors))])


def _scatter(codes: Codes) -> Float[np.ndarray, "dim dim"]:
    counts = codes.present.T.astype(np.float64) @ codes.present
    shared = np.repeat(np.repeat(counts, codes.sizes, axis=0), codes.sizes, axis=1)
    values = codes.values.astype(np.float64)
    roots, directions = np.linalg.eigh(values.T @ values / np.maximum(shared, 1))
    return ((directions * np.maximum(roots, 0)) @ directions.T).astype(np.float32)
