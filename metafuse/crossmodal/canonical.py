"""Canonical directions of two sets of rows, for many ridges at the cost of one decomposition of each.

    (C_xx + r_x I)^-1/2 C_xy (C_yy + r_y I)^-1/2 = U S V'

r is in units of the mean variance along a direction. Only the `MOST_DIRECTIONS` main directions of each side are
looked at.

Reference: Hotelling 1936, "Relations between two sets of variates"; Vinod 1976, "Canonical ridge and econometrics of
joint production".
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

MOST_DIRECTIONS = 300


@dataclass(frozen=True)
class Scatter:
    """Centred rows in the main directions of their scatter.

    Args:
        mean: Mean row.
        directions: Orthonormal columns.
        variances: Along each direction.
        codes: Rows along each direction.
    """

    mean: Float[np.ndarray, " dim"]
    directions: Float[np.ndarray, "dim size"]
    variances: Float[np.ndarray, " size"]
    codes: Float[np.ndarray, "n size"]

    @staticmethod
    def of(x: Float[np.ndarray, "n dim"]) -> "Scatter":
        """Decompose rows."""
        mean = x.mean(axis=0, dtype=np.float64)
        centred = x - mean
        variances, directions = np.linalg.eigh(centred.T @ centred / len(x))
        kept = np.flatnonzero(variances > 1e-9 * max(variances[-1], 1e-12))[-MOST_DIRECTIONS:]
        directions = directions[:, kept]
        return Scatter(mean.astype(np.float32), directions, variances[kept], centred @ directions)

    def whitening(self, ridge: float) -> Float[np.ndarray, " size"]:
        """Factor of each direction that brings its variance to one, or less by the ridge."""
        return 1 / np.sqrt(self.variances + ridge * self.variances.sum() / len(self.directions))


@dataclass(frozen=True)
class Canonical:
    """Canonical directions, the most correlated first.

    Args:
        x: Of the first side, as columns in its features.
        y: Of the second side.
        correlations: Between the variates along them.
    """

    x: Float[np.ndarray, "dim_x size"]
    y: Float[np.ndarray, "dim_y size"]
    correlations: Float[np.ndarray, " size"]


def find_canonical(x: Scatter, y: Scatter, ridge_x: float, ridge_y: float) -> Canonical:
    """Decompose the scatter between two sides of the same rows.

    Args:
        x: First side.
        y: Second side.
        ridge_x: Added to the variances of the first, in units of their mean.
        ridge_y: The same of the second.
    """
    white_x, white_y = x.whitening(ridge_x), y.whitening(ridge_y)
    cross = white_x[:, None] * (x.codes.T @ y.codes / len(x.codes)) * white_y
    left, correlations, right = np.linalg.svd(cross, full_matrices=False)
    return Canonical((x.directions * white_x) @ left, (y.directions * white_y) @ right.T, correlations)
