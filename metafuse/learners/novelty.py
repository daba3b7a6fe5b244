"""Is a row of none of the known classes? An unknown score and its conformal p-value.

    score = z(labels) + z(energy) + 1/2 z(pool) + 1/4 z(neighbours),    up = more unusual

z-scored on the source's own rows, where
- labels: relative Mahalanobis distance, means and covariance from labels and class names only: it alone stays
  sharp when the pool itself holds unknown classes;
- energy: minus the log-sum-exp of logistic regression on the same: as robust, with other errors;
- pool: the first distance, means and covariance from the propagated labels of all rows: sharp for rows
  unlike anything in the source;
- neighbours: minus the largest class share among the nearest rows: low where a group holds no label.

Reference: Ren et al. 2021, "A Simple Fix to Mahalanobis Distance for Improving Near-OOD Detection",
arXiv:2106.09022; Liu et al. 2020, "Energy-based Out-of-distribution Detection", arXiv:2010.03759; Vovk, Gammerman,
Shafer 2005, "Algorithmic Learning in a Random World" (p-values). Deviation: the calibration rows are held-out
labels, each scored by a fit without its fold (cross-conformal), topped up with pool rows when there are few.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float

from metafuse.learners.gaussian import Gaussian, fit_gaussian
from metafuse.learners.graph import average_neighbours
from metafuse.learners.linear import LinearHead
from metafuse.learners.seeding import Seeding, outside_fold, sharpen
from metafuse.learners.view import View
from metafuse.parallel import run_side_by_side

PART_WEIGHTS = (1.0, 1.0, 0.5, 0.25)
LABEL_SHRINKAGE = 0.5
POOL_SHRINKAGE = 0.1
SCALE_ROWS = 2_000
"""Rows, evenly spaced, that the parts' means and spreads are taken over."""

FEWEST_CALIBRATION_ROWS = 40


@dataclass(frozen=True)
class RelativeMahalanobis:
    """Distance to the nearest class mean less the distance to the mean of everything."""

    classes: Gaussian
    background: Gaussian

    def scores(self, x: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, " n"]:
        """Up = further from every class than from the source as a whole."""
        return self.classes.distances(x).min(axis=1) - self.background.distances(x)[:, 0]


@dataclass(frozen=True)
class Novelty:
    """Scores rows by how little they resemble any known class.

    Args:
        labels: From labels and class names.
        logistic: Logistic regression on the same.
        pool: From the propagated labels of all rows.
        mean: Of the four parts over the source's rows.
        scale: Their standard deviations.
        calibration: Unknown scores of known-class rows, ascending.
        calibration_weight: How much each of them counts.
    """

    labels: RelativeMahalanobis
    logistic: LinearHead
    pool: RelativeMahalanobis
    mean: Float[np.ndarray, "4"]
    scale: Float[np.ndarray, "4"]
    calibration: Float[np.ndarray, " n_known"]
    calibration_weight: Float[np.ndarray, " n_known"]

    def scores(self, x: Float[np.ndarray, "n dim"], near: Float[np.ndarray, "n n_way"]) -> Float[np.ndarray, " n"]:
        """Unknown scores, up = more unusual.

        Args:
            x: Embeddings.
            near: Average class distribution of each row's nearest neighbours in the source.
        """
        parts = _parts(self.labels, self.logistic, self.pool, x, near)
        return ((parts - self.mean) / self.scale) @ np.array(PART_WEIGHTS, dtype=np.float32)

    def p_values(self, scores: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Share of known-class rows at least as unusual, in 0..1 and never 0."""
        tail = np.append(np.cumsum(self.calibration_weight[::-1])[::-1], 0.0)
        at_least = tail[np.searchsorted(self.calibration, scores, side="left")]
        return ((at_least + 1) / (tail[0] + 1)).astype(np.float32)


def fit_novelty(view: View, seedings: Sequence[Seeding]) -> Novelty:
    """Fit the score to all labels and calibrate it on held-out ones.

    Args:
        view: The fused view of the source.
        seedings: What `seed_folds` returned for it.
    """
    fits = run_side_by_side([partial(_fit_parts, view, seeding) for seeding in seedings])
    held_out = [_fold_scores(view, seeding, *fit) for seeding, fit in zip(seedings[:-1], fits[:-1], strict=True)]
    model, near = fits[-1]
    known = np.concatenate(held_out) if held_out else np.zeros(0, dtype=np.float32)
    pool = model.scores(view.base, near)[len(view.class_index) :]
    scores, weight = _calibration(known, pool)
    return Novelty(model.labels, model.logistic, model.pool, model.mean, model.scale, scores, weight)


def _fold_scores(
    view: View, seeding: Seeding, model: Novelty, near: Float[np.ndarray, "n n_way"]
) -> Float[np.ndarray, " n_held_out"]:
    out = np.flatnonzero(view.fold == seeding.held_out)
    return model.scores(view.base[out], near[out])


def _fit_parts(view: View, seeding: Seeding) -> tuple[Novelty, Float[np.ndarray, "n n_way"]]:
    weight = outside_fold(view, seeding.held_out)
    everything = np.ones((len(view.base), 1), dtype=np.float32)
    backgrounds = [
        fit_gaussian(view.base, everything, weight, shrinkage) for shrinkage in (LABEL_SHRINKAGE, POOL_SHRINKAGE)
    ]
    labels = RelativeMahalanobis(fit_gaussian(*view.labelled(seeding.held_out), LABEL_SHRINKAGE), backgrounds[0])
    soft = sharpen(view, seeding)
    pool = RelativeMahalanobis(fit_gaussian(view.base, soft, weight, POOL_SHRINKAGE), backgrounds[1])
    near = average_neighbours(seeding.distribution, view.neighbourhood.similarity, view.neighbourhood.neighbour)
    sample = np.linspace(0, len(view.base) - 1, min(len(view.base), SCALE_ROWS)).astype(np.int64)
    parts = _parts(labels, seeding.logistic, pool, view.base[sample], near[sample])
    none = np.zeros(0, dtype=np.float32)
    scale = np.maximum(parts.std(axis=0), 1e-6)
    return Novelty(labels, seeding.logistic, pool, parts.mean(axis=0), scale, none, none), near


def _parts(
    labels: RelativeMahalanobis,
    logistic: LinearHead,
    pool: RelativeMahalanobis,
    x: Float[np.ndarray, "n dim"],
    near: Float[np.ndarray, "n n_way"],
) -> Float[np.ndarray, "n 4"]:
    logits = logistic.logits(x)
    top = logits.max(axis=1, keepdims=True)
    energy = -top[:, 0] - np.log(np.exp(logits - top).sum(axis=1))
    return np.stack([labels.scores(x), energy, pool.scores(x), -near.max(axis=1)], axis=1)


def _calibration(
    known: Float[np.ndarray, " n_known"], pool: Float[np.ndarray, " n_pool"]
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    # The pool may hold unknown classes, which makes the p-value conservative; labels cannot, so they come first.
    missing = max(FEWEST_CALIBRATION_ROWS - len(known), 0) if len(pool) else 0
    scores = np.concatenate([known, pool]).astype(np.float32)
    weight = np.concatenate([np.ones(len(known)), np.full(len(pool), missing / max(len(pool), 1))])
    order = np.argsort(scores, kind="stable")
    return scores[order], weight[order]
