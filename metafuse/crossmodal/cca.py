"""Canonical correlation analysis, regularised: the directions of two modalities that vary together.

    max_{a, b} a' C_xy b    with    a' (C_xx + r_x I) a = b' (C_yy + r_y I) b = 1

Rows are compared by the cosine of their canonical variates. r (in units of the mean variance of a feature) and the
number of directions are those of `RIDGES` and `SIZES` under which the pairs of a fifth of the rows are found best,
fitted on the others.

Deviations: only the main directions of either side are looked at. With `weighted=True`, each direction counts by its
correlation, since the later ones say less.

Reference: Hotelling 1936, "Relations between two sets of variates"; Vinod 1976, "Canonical ridge and econometrics of
joint production"; Gong, Ke, Isard, Lazebnik 2014, "A Multi-View Embedding Space", arXiv:1212.4522, section 3.3
(weights).
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Float

from metafuse.crossmodal.canonical import Scatter, find_canonical
from metafuse.crossmodal.hiding import split_rows
from metafuse.crossmodal.recall import mean_recall_at_10
from metafuse.fusion.early import normalise

RIDGES = (0.1, 0.3, 1.0, 3.0, 10.0)
SIZES = (10, 20, 50, 100, 200, 300)


@dataclass(frozen=True)
class CcaAligner:
    """Two linear maps.

    Args:
        mean_x: Mean of the first modality.
        mean_y: Mean of the second.
        x: Directions of the first.
        y: Directions of the second.
    """

    mean_x: Float[np.ndarray, " dim_x"]
    mean_y: Float[np.ndarray, " dim_y"]
    x: Float[np.ndarray, "dim_x dim"]
    y: Float[np.ndarray, "dim_y dim"]

    def project_x(self, x: Float[np.ndarray, "n dim_x"]) -> Float[np.ndarray, "n dim"]:
        """Canonical variates of the first modality, L2-normalised."""
        return normalise((x - self.mean_x) @ self.x)

    def project_y(self, y: Float[np.ndarray, "m dim_y"]) -> Float[np.ndarray, "m dim"]:
        """Canonical variates of the second modality, L2-normalised."""
        return normalise((y - self.mean_y) @ self.y)


def fit_cca(
    x: Float[np.ndarray, "n dim_x"], y: Float[np.ndarray, "n dim_y"], *, seed: int, weighted: bool = False
) -> CcaAligner:
    """Fit it, its settings chosen on held-out pairs.

    Args:
        x: Features of the first modality.
        y: Features of the second, of the same items.
        seed: Draws the pairs held out.
        weighted: Whether directions count by their correlation.
    """
    fitted, held_out = split_rows(len(x), np.random.default_rng(seed))
    one, other = Scatter.of(x[fitted]), Scatter.of(y[fitted])
    tried: dict[tuple[float, float, int], float] = {}
    for ridge_x, ridge_y in product(RIDGES, RIDGES):
        aligner = _fit(one, other, ridge_x, ridge_y, weighted)
        for size in SIZES:
            some = _first(aligner, size)
            similarity = some.project_x(x[held_out]) @ some.project_y(y[held_out]).T
            tried[ridge_x, ridge_y, size] = mean_recall_at_10(similarity)
    ridge_x, ridge_y, size = max(tried, key=lambda setting: tried[setting])
    return _first(_fit(Scatter.of(x), Scatter.of(y), ridge_x, ridge_y, weighted), size)


def _fit(x: Scatter, y: Scatter, ridge_x: float, ridge_y: float, weighted: bool) -> CcaAligner:
    found = find_canonical(x, y, ridge_x, ridge_y)
    weights = found.correlations if weighted else np.ones_like(found.correlations)
    return CcaAligner(x.mean, y.mean, (found.x * weights).astype(np.float32), (found.y * weights).astype(np.float32))


def _first(aligner: CcaAligner, size: int) -> CcaAligner:
    return CcaAligner(aligner.mean_x, aligner.mean_y, aligner.x[:, :size].copy(), aligner.y[:, :size].copy())
