"""Class means with one shared, shrunk covariance: linear discriminant analysis and Mahalanobis distances.

    covariance = (1 - shrinkage) * S + shrinkage * tr(S) / dim * I,    equal class priors

Reference: Friedman 1989, "Regularized Discriminant Analysis".
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from metafuse.learners.linear import LinearHead

LEAST_VARIANCE = 1e-3
"""Total variance assumed where there is none: one row a class leaves no scatter."""


@dataclass(frozen=True)
class Gaussian:
    """Class means and a shared precision matrix."""

    means: Float[np.ndarray, "n_way dim"]
    precision: Float[np.ndarray, "dim dim"]

    def distances(self, x: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, "n n_way"]:
        """Squared Mahalanobis distance of each row to each mean, down = closer."""
        rows, centres = x @ self.precision, self.means @ self.precision
        own = np.einsum("nd,nd->n", rows, x)[:, None]
        return np.maximum(own + np.einsum("cd,cd->c", centres, self.means) - 2 * rows @ self.means.T, 0.0)


def fit_gaussian(
    x: Float[np.ndarray, "n dim"],
    targets: Float[np.ndarray, "n n_way"],
    row_weight: Float[np.ndarray, " n"],
    shrinkage: float,
) -> Gaussian:
    """Fit the means and the covariance within classes to rows with soft targets.

    Args:
        x: Embeddings.
        targets: Class probabilities of each row.
        row_weight: How much each row counts.
        shrinkage: 0 trusts the scatter, 1 only its average variance.
    """
    mass = row_weight @ targets
    means = ((targets * row_weight[:, None]).T @ x) / np.maximum(mass, 1e-6)[:, None]
    within = (x * (row_weight * targets.sum(axis=1))[:, None]).T @ x - (means * mass[:, None]).T @ means
    scatter = within.astype(np.float64) / float(row_weight.sum())
    dim = x.shape[1]
    level = max(float(np.trace(scatter)), LEAST_VARIANCE) / dim
    covariance = (1 - shrinkage) * scatter + shrinkage * level * np.eye(dim)
    return Gaussian(means.astype(np.float32), np.linalg.inv(covariance).astype(np.float32))


def discriminant(gaussian: Gaussian) -> LinearHead:
    """Linear discriminant of class means with a shared covariance and equal priors."""
    weight = gaussian.precision @ gaussian.means.T
    return LinearHead(weight, -0.5 * np.einsum("cd,dc->c", gaussian.means, weight))
