"""What the pool adds: labels spread over the graph from logistic regression, and a head trained on the result.

1. Logistic regression on labels and class names. With few labels and no names to go by, its posterior is multiplied by
   that of prototypes of the rows that the labels alone reach over the graph: worth 6 to 9 points at one label a class.
2. The posterior enters the graph with the view's `seed_weight`, labels with weight 1; propagation gives every row a
   class distribution.
3. The distributions, sharpened, are the soft targets of a second logistic regression over all rows.

Reference: Iscen et al. 2019, "Label Propagation for Deep Semi-supervised Learning", arXiv:1904.04717.
Deviations: the seed is a posterior, not labels only; soft, sharpened targets instead of weighted hard ones.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float, Int

from metafuse.learners.graph import propagate
from metafuse.learners.linear import LinearHead, fit_logistic, softmax
from metafuse.learners.prototypes import fit_prototypes
from metafuse.learners.view import View
from metafuse.parallel import run_side_by_side

REACH_ALPHA = 0.95
REACH_ITERATIONS = 30
REACH_SHARPNESS = 3
"""Further than propagation proper, as only the labels are sources."""

RELIED_ON_BELOW = 6.0
RELIED_ON_FULLY = 2.0
"""Labels a class from which on the graph's prototypes count nothing, and up to which they count in full."""


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
    numbers = view.numbers
    logistic = fit_logistic(*view.labelled(held_out), c=numbers.c)
    kept = view.kept(held_out)
    posterior = softmax(logistic.logits(view.base))
    reliance = graph_reliance(len(kept) / view.n_way, view.shot_weight)
    if reliance > 0:
        posterior = _normalise(posterior * _reached_posterior(view, kept) ** np.float32(reliance) + 1e-12)
    seeds = np.float32(numbers.seed_weight) * posterior
    seeds[kept] = np.eye(view.n_way, dtype=np.float32)[view.class_index[kept]]
    spread = propagate(view.neighbourhood.graph, seeds, alpha=numbers.alpha)
    return Seeding(held_out, logistic, _normalise(spread))


def graph_reliance(labels_per_class: float, shot_weight: float) -> float:
    """Power of the graph's prototypes in the seed, 0..1: full with few labels and no names, else none.

    Args:
        labels_per_class: Labelled rows a class, on average.
        shot_weight: How much of a labelled row a class name is worth, 0..1.
    """
    few = (RELIED_ON_BELOW - labels_per_class) / (RELIED_ON_BELOW - RELIED_ON_FULLY)
    return (1.0 - shot_weight) * min(max(few, 0.0), 1.0)


def seed_folds(view: View) -> list[Seeding]:
    """Seed a view once per fold, each without its labels, and once more with all of them, last."""
    return run_side_by_side([partial(seed_view, view, fold) for fold in [*range(view.n_folds), None]])


def sharpen(view: View, seeding: Seeding) -> Float[np.ndarray, "n n_way"]:
    """Raise the distributions to a power and renormalise; labelled rows get their label."""
    soft = _normalise(seeding.distribution ** np.float32(view.numbers.sharpness))
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


def _reached_posterior(view: View, kept: Int[np.ndarray, " n_kept"]) -> Float[np.ndarray, "n n_way"]:
    labels = np.zeros((len(view.base), view.n_way), dtype=np.float32)
    labels[kept, view.class_index[kept]] = 1
    spread = propagate(view.neighbourhood.graph, labels, alpha=REACH_ALPHA, n_iterations=REACH_ITERATIONS)
    reached = _normalise(spread + 1e-12)
    targets = _normalise(reached**REACH_SHARPNESS)
    head = fit_prototypes(view.base, targets, reached.max(axis=1), view.base.mean(axis=0))
    return softmax(head.logits(view.base))


def _normalise(distribution: Float[np.ndarray, "n n_way"]) -> Float[np.ndarray, "n n_way"]:
    return (distribution / np.maximum(distribution.sum(axis=1, keepdims=True), 1e-12)).astype(np.float32)
