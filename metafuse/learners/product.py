"""Fits a mixture: an expert per view, and what makes one prediction of theirs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from jaxtyping import Int

from metafuse.errors import EpisodeError
from metafuse.features import Features
from metafuse.fusion.base import Fusion
from metafuse.fusion.blocks import BlocksFusion
from metafuse.fusion.plan import FusionPlan
from metafuse.learners.block_heads import FitBlockHead
from metafuse.learners.combining import combine_witnesses
from metafuse.learners.gaps import GapReference, sample_references
from metafuse.learners.heads import logistic_head
from metafuse.learners.mixture import FitHead, Mixture, fit_expert
from metafuse.learners.modality_graph import GraphSurroundings
from metafuse.learners.novelty import fit_novelty
from metafuse.learners.policy import CONSTANTS, Policy
from metafuse.learners.seeding import Seeding, seed_folds
from metafuse.learners.surroundings import Surroundings, surroundings_of
from metafuse.learners.teaching import align_folds, teach
from metafuse.learners.view import View, read_view
from metafuse.learners.weighing import BLOCKS, FUSED, weigh
from metafuse.learners.witnesses import bear_witness, graph_witness, plain_weights
from metafuse.parallel import run_side_by_side

ONE_VIEW = FusionPlan(by_modality=False)
BLOCK_PRIOR = (0.5, 0.5)
"""Of logistic regression on the blocks, and of what is trained on them."""


def fit_mixture(
    fusion: Fusion,
    views: Mapping[str, Fusion],
    fits: Sequence[FitHead],
    prior: Sequence[float],
    *,
    support: Features,
    class_index: Int[np.ndarray, " n_support"],
    pool: Features | None,
    class_shots: Features | None,
    policy: Policy = CONSTANTS,
    plan: FusionPlan = ONE_VIEW,
    seed: int,
    device: str,
) -> Mixture:
    """Adapt the heads to a support set in each view, and learn what is unknown in the fused one.

    Args:
        fusion: The view rows are embedded and compared in.
        views: Name -> view that gets an expert of its own, where a labelled row has its columns; without any,
            `fusion` gets the only one. "blocks" is a `BlocksFusion`, for the heads that the plan trains.
        fits: Heads of each expert, the plain baseline first.
        prior: Weight of each head where labels are too few to tell.
        support: Labelled items.
        class_index: Their classes.
        pool: Unlabelled items of the same source.
        class_shots: One item per class, made of its name.
        policy: Chooses the numbers each view is adapted with.
        plan: Further experts, and how all are combined.
        seed: Decides folds and, for a large pool, which rows take part.
        device: Where searches run.
    Raises:
        EpisodeError: fewer than two classes, a class without a support item, or nothing in the rows to tell apart.
    """
    read = partial(
        read_view,
        support=support,
        class_index=class_index,
        pool=pool,
        class_shots=class_shots,
        seed=seed,
        device=device,
    )
    asked = {FUSED: fusion, **views}
    found = zip(asked, run_side_by_side([partial(read, one) for one in asked.values()]), strict=True)
    opened: dict[str, View] = {
        name: replace(view, numbers=policy.choose(view.traits)) for name, view in found if view is not None
    }
    names = [name for name in opened if name in views] or [FUSED]
    opened, seeded, plain = _seed(opened, names, class_index, pool)
    kept: list[Surroundings | GraphSurroundings] = [
        surroundings_of(view, seeded[name][-1]) for name, view in opened.items()
    ]
    places = {name: place for place, name in enumerate(opened)}
    witnesses = []
    for name in names:
        heads = (fits, prior) if name != BLOCKS else _block_heads(views[BLOCKS], plan, seed)
        expert, held = fit_expert(opened[name], seeded[name], *heads, name=name, place=places[name])
        witnesses.append(bear_witness(expert, held, opened[name], kept[places[name]], len(class_index)))
    by_modality = [witness for witness in witnesses if not witness.is_across]
    if plan.graph and len(by_modality) > 1:
        own = graph_witness(by_modality, opened[FUSED], (fits, prior), class_index, pool, place=len(kept))
        witnesses.append(own)
        kept.append(own.surroundings)
    weights = weigh(witnesses, class_index, pool, agreed=plain)
    combination, held_out = combine_witnesses(witnesses, weights, class_index, plan, seed)
    novelty = fit_novelty(opened[FUSED], seeded[FUSED])
    experts = tuple(witness.expert for witness in witnesses)
    fitted = Mixture(tuple(kept), experts, tuple(weights), novelty, held_out, combination)
    if sum(matrix.shape[1] > 0 for matrix in support.matrices.values()) < 2:
        return fitted
    references = sample_references(support, pool, seed)
    return replace(fitted, gaps=GapReference(references, fitted.unknown_scores(references)))


def _seed(
    opened: Mapping[str, View],
    names: Sequence[str],
    class_index: Int[np.ndarray, " n_support"],
    pool: Features | None,
) -> tuple[dict[str, View], dict[str, list[Seeding]], dict[str, float] | None]:
    """Seed each view, and let them teach each other where there are several; their weights before that, if so."""
    if FUSED not in opened:
        raise EpisodeError(
            "expected a labelled row with a value in the columns used and another row that differs from it, got none. "
            "Label rows that are filled in, or use more columns."
        )
    views = {name: align_folds(view, opened[FUSED]) for name, view in opened.items()}
    seeded = {name: seed_folds(view) for name, view in views.items()}
    if len(names) == 1 or pool is None or len(pool) == 0:
        return views, seeded, None
    plain = plain_weights({name: views[name] for name in names if name != BLOCKS}, seeded, class_index, pool)
    return views, seeded | teach(views, seeded, plain, views[FUSED]), plain


def _block_heads(fusion: Fusion, plan: FusionPlan, seed: int) -> tuple[Sequence[FitHead], Sequence[float]]:
    assert isinstance(fusion, BlocksFusion)
    assert plan.blocks is not None
    return (logistic_head, FitBlockHead(plan.blocks, fusion.widths, seed)), BLOCK_PRIOR
