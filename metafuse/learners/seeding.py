"""What the pool adds: labels spread over the graph from logistic regression, and a head trained on the result.

1. Logistic regression on labels and class names. Its posterior enters the graph with weight `SEED_WEIGHT`,
   labels with weight 1; propagation gives every row a class distribution.
2. The distributions, sharpened, are the soft targets of a second logistic regression over all rows.

Reference: Iscen et al. 2019, "Label Propagation for Deep Semi-supervised Learning", arXiv:1904.04717.
Deviations: the seed is a posterior, not labels only; soft, sharpened targets instead of weighted hard ones.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float

from metafuse.learners.graph import propagate
from metafuse.learners.linear import LinearHead, fit_logistic, softmax
from metafuse.learners.view import View
from metafuse.parallel import run_side_by_side

SEED_WEIGHT = 0.5
SHARPNESS = 5


@dataclass(frozen=True)
class Seeding:
    """Labels of one view spread over its pool.

    Args:
        held_out: The fold whose labels were not used; None when all were.
        logistic: Logistic regression on labels and class names.
        distribution: Propagated class distribution of every row of the view, summing to 1.
    """

    held_out: int | None
    logistic: LinearHead
    distribution: Float[np.ndarray, "n n_way"]


def seed_view(view: View, held_out: int | None) -> Seeding:
    """Fit logistic regression to the labels outside a fold and spread its posterior over the graph."""
    logistic = fit_logistic(*view.labelled(held_out))
    seeds = np.float32(SEED_WEIGHT) * softmax(logistic.logits(view.base))
    kept = view.kept(held_out)
    seeds[kept] = np.eye(view.n_way, dtype=np.float32)[view.class_index[kept]]
    spread = propagate(view.neighbourhood.graph, seeds)
    return Seeding(held_out, logistic, spread / np.maximum(spread.sum(axis=1, keepdims=True), 1e-12))


def seed_folds(view: View) -> list[Seeding]:
    """Seed a view once per fold, each without its labels, and once more with all of them, last."""
    return run_side_by_side([partial(seed_view, view, fold) for fold in [*range(view.n_folds), None]])


def sharpen(view: View, seeding: Seeding) -> Float[np.ndarray, "n n_way"]:
    """Raise the distributions to a power and renormalise; labelled rows get their label."""
    soft = seeding.distribution**SHARPNESS
    soft /= np.maximum(soft.sum(axis=1, keepdims=True), 1e-12)
    kept = view.kept(seeding.held_out)
    soft[kept] = np.eye(view.n_way, dtype=np.float32)[view.class_index[kept]]
    return soft


def outside_fold(view: View, held_out: int | None) -> Float[np.ndarray, " n"]:
    """Weight of each row of a view: 0 for the labelled rows of the fold, else 1."""
    weight = np.ones(len(view.base), dtype=np.float32)
    if held_out is not None:
        weight[np.flatnonzero(view.fold == held_out)] = 0
    return weight


def self_train(view: View, seeding: Seeding, *, max_iter: int) -> LinearHead:
    """Fit logistic regression to the sharpened distributions of all rows outside the fold."""
    return fit_logistic(
        view.base,
        sharpen(view, seeding),
        outside_fold(view, seeding.held_out),
        start=seeding.logistic,
        max_iter=max_iter,
        tolerance=1e-3,
    )
