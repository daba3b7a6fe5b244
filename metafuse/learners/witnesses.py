"""Fits the expert of each view and keeps what it says of the labelled rows while they are held out."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int

from metafuse.features import Features
from metafuse.learners.heads import logistic_head, neighbour_head
from metafuse.learners.mixture import Expert, FitHead, fit_expert
from metafuse.learners.modality_graph import GraphSurroundings, fuse_views, surroundings_of_graph
from metafuse.learners.seeding import Seeding, seed_folds
from metafuse.learners.surroundings import Surroundings, surroundings_of
from metafuse.learners.teaching import is_judged
from metafuse.learners.view import View
from metafuse.learners.weighing import GRAPH, Witness, weigh

PLAIN_HEADS = (logistic_head, neighbour_head)
PLAIN_PRIOR = (0.5, 0.5)


def bear_witness(
    expert: Expert,
    held: Float[np.ndarray, "n_labelled n_way"],
    view: View,
    surroundings: Surroundings | GraphSurroundings,
    n_support: int,
) -> Witness:
    """Put what an expert says of a view's labelled rows at their places in the support set."""
    judged = is_judged(view)
    said = np.where(judged[:, None], held, np.float32(0))
    return Witness(expert, view, surroundings, _spread(said, view, n_support), _spread(judged, view, n_support))


def plain_weights(
    views: Mapping[str, View],
    seeded: Mapping[str, Sequence[Seeding]],
    class_index: Int[np.ndarray, " n_support"],
    pool: Features,
) -> dict[str, float]:
    """Weights in a product of experts that need no fit beyond their seedings."""
    witnesses = []
    for name, view in views.items():
        expert, held = fit_expert(view, seeded[name], PLAIN_HEADS, PLAIN_PRIOR, name=name, place=0)
        kept = surroundings_of(view, seeded[name][-1])
        witnesses.append(bear_witness(expert, held, view, kept, len(class_index)))
    return dict(zip(views, weigh(witnesses, class_index, pool), strict=True))


def graph_witness(
    witnesses: Sequence[Witness],
    fused: View,
    heads: tuple[Sequence[FitHead], Sequence[float]],
    class_index: Int[np.ndarray, " n_support"],
    pool: Features | None,
    *,
    place: int,
) -> Witness:
    """Fit an expert on the modalities' graphs, fused as far as each modality knows the classes.

    Args:
        witnesses: Experts of single modalities.
        fused: View of all modalities.
        heads: How each head is fitted, and its prior.
        class_index: Classes of the labelled rows.
        pool: Unlabelled rows.
        place: Of its surroundings in the mixture.
    """
    views = {witness.expert.name: witness.view for witness in witnesses}
    weights = dict(zip(views, weigh(witnesses, class_index, pool), strict=True))
    view = fuse_views(fused, views, weights)
    seedings = seed_folds(view)
    expert, held = fit_expert(view, seedings, *heads, name=GRAPH, place=place)
    surroundings = surroundings_of_graph(fused, views, weights, seedings[-1])
    return bear_witness(expert, held, view, surroundings, len(class_index))


def _spread(values: np.ndarray, view: View, n_support: int) -> np.ndarray:
    spread = np.zeros((n_support, *values.shape[1:]), dtype=values.dtype)
    spread[view.rows] = values
    return spread
