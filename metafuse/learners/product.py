"""Fits a mixture: an expert per view, weighed by held-out labels, or by agreement where there is one label a class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from metafuse.errors import EpisodeError
from metafuse.features import Features
from metafuse.fusion.base import Fusion
from metafuse.fusion.late import combine_experts, fit_expert_weights
from metafuse.learners.base import HeldOut
from metafuse.learners.mixture import FEWEST_HELD_OUT, Expert, FitHead, Mixture, fit_expert
from metafuse.learners.novelty import fit_novelty
from metafuse.learners.policy import CONSTANTS, Policy
from metafuse.learners.seeding import seed_folds
from metafuse.learners.surroundings import Surroundings, surroundings_of
from metafuse.learners.view import View, read_view
from metafuse.schema import Modality

FUSED = "fused"

EXPERT_PULL = 0.3
"""Pull of expert weights to their skill, in mean log loss. It and the two standard errors are constants chosen on draws
of appimage, emoji and luma catalogues, and checked on other draws of them."""

LEAST_SPREAD = 0.01
"""Variance assumed of a hit, for the standard error of an expert that is never or always right."""


@dataclass(frozen=True)
class _Witness:
    """An expert, and what it says of the labelled rows while they are held out.

    Args:
        expert: The expert.
        view: Its view of the source.
        surroundings: What it keeps of that.
        said: Log-probabilities; zeros for rows it never held out.
        there: Which rows it held out.
    """

    expert: Expert
    view: View
    surroundings: Surroundings
    said: Float[np.ndarray, "n_support n_way"]
    there: Bool[np.ndarray, " n_support"]


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
    seed: int,
    device: str,
) -> Mixture:
    """Adapt the heads to a support set in each view, and learn what is unknown in the fused one.

    Args:
        fusion: The view rows are embedded and compared in.
        views: Name -> view that gets an expert of its own, where a labelled row has its columns; without any,
            `fusion` gets the only one.
        fits: Heads of each expert, the plain baseline first.
        prior: Weight of each head where labels are too few to tell.
        support: Labelled items.
        class_index: Their classes.
        pool: Unlabelled items of the same source.
        class_shots: One item per class, made of its name.
        policy: Chooses the numbers each view is adapted with.
        seed: Decides folds and, for a large pool, which rows take part.
        device: Where searches run.
    Raises:
        EpisodeError: fewer than two classes, a class without a support item, or nothing in the rows to tell apart.
    """
    opened = {}
    for name, one in {FUSED: fusion, **views}.items():
        view = read_view(one, support, class_index, pool=pool, class_shots=class_shots, seed=seed, device=device)
        if view is not None:
            opened[name] = replace(view, numbers=policy.choose(view.traits))
    if FUSED not in opened:
        raise EpisodeError(
            "expected a labelled row with a value in the columns used and another row that differs from it, got none. "
            "Label rows that are filled in, or use more columns."
        )
    names = [name for name in opened if name in views] or [FUSED]
    surroundings, witnesses = [], []
    for place, (name, view) in enumerate(opened.items()):
        seedings = seed_folds(view)
        if name == FUSED:
            novelty = fit_novelty(view, seedings)
        surroundings.append(surroundings_of(view, seedings[-1]))
        if name in names:
            expert, held = fit_expert(view, seedings, fits, prior, name=name, place=place)
            said = _spread(held, view, len(class_index))
            there = _spread(view.fold >= 0, view, len(class_index))
            witnesses.append(_Witness(expert, view, surroundings[place], said, there))
    weights = _weigh(witnesses, class_index, pool)
    held_out = _held_out(witnesses, weights, class_index, max(view.n_folds for view in opened.values()))
    experts = tuple(witness.expert for witness in witnesses)
    return Mixture(tuple(surroundings), experts, tuple(weights), novelty, held_out)


def agreement(first: Int[np.ndarray, " n"], second: Int[np.ndarray, " n"], n_way: int) -> float:
    """Cohen's kappa of two labellings: 1 for the same, 0 for what chance gives, never below 0.

    Reference: Cohen 1960, "A coefficient of agreement for nominal scales".
    """
    if len(first) == 0:
        return 0.0
    by_chance = float(np.bincount(first, minlength=n_way) @ np.bincount(second, minlength=n_way)) / len(first) ** 2
    if by_chance >= 1:
        return 0.0
    return max(0.0, (float((first == second).mean()) - by_chance) / (1 - by_chance))


def surely_above_chance(predicted: Int[np.ndarray, " n"], truth: Int[np.ndarray, " n"], n_way: int) -> float:
    """Agreement with the truth less two standard errors: 0 for an expert whose skill may be luck.

    A few dozen held-out rows make a useless expert look a little useful, and its noise then costs more than it gives.
    """
    accuracy = float((predicted == truth).mean())
    spread = max(accuracy * (1 - accuracy), LEAST_SPREAD)
    error = np.sqrt(spread / len(truth)) / (1 - 1 / n_way)
    return max(0.0, agreement(predicted, truth, n_way) - 2 * float(error))


def _weigh(
    witnesses: Sequence[_Witness], class_index: Int[np.ndarray, " n_support"], pool: Features | None
) -> list[float]:
    if len(witnesses) == 1:
        return [1.0]
    rows = np.logical_or.reduce([witness.there for witness in witnesses])
    if np.count_nonzero(rows) < FEWEST_HELD_OUT:
        return _weigh_by_agreement(witnesses, pool)
    truth, held = class_index[rows], [witness.said[rows] for witness in witnesses]
    skill = [surely_above_chance(logs.argmax(axis=1), truth, logs.shape[1]) for logs in held]
    used = [at for at, sure in enumerate(skill) if sure > 0] or [0]
    found = fit_expert_weights([held[at] for at in used], truth, [skill[at] for at in used], pull=EXPERT_PULL)
    weights = dict(zip(used, found, strict=True))
    return [weights.get(at, 0.0) for at in range(len(witnesses))]


def _weigh_by_agreement(witnesses: Sequence[_Witness], pool: Features | None) -> list[float]:
    """Weigh experts by how far they agree on the pool with the one that has the most to go by.

    With one label a class nothing can be held out. The expert whose view has class names knows most, where none
    has that of the text; one that knows nothing agrees with it only by chance. Without either the fused one
    stands alone.
    """
    fused = [witness.expert.name == FUSED for witness in witnesses]
    named = [witness.view.shots is not None and not whole for witness, whole in zip(witnesses, fused, strict=True)]
    if not any(named):
        named = [witness.expert.name == Modality.TEXT for witness in witnesses]
    if not any(named) or pool is None or len(pool) == 0:
        alone = fused if any(fused) else named
        return [1.0 if here or not any(alone) else 0.0 for here in alone]
    looks = [witness.surroundings.look(pool) for witness in witnesses]
    labels = [
        witness.expert.log_probabilities(look).argmax(axis=1) for witness, look in zip(witnesses, looks, strict=True)
    ]
    first, n_way = named.index(True), witnesses[0].said.shape[1]
    weights = []
    for at, look in enumerate(looks):
        both = look.there & looks[first].there
        agrees = agreement(labels[at][both], labels[first][both], n_way)
        weights.append(1.0 if named[at] else 0.0 if fused[at] else agrees)
    return weights


def _held_out(
    witnesses: Sequence[_Witness],
    weights: Sequence[float],
    class_index: Int[np.ndarray, " n_support"],
    n_folds: int,
) -> HeldOut:
    rows = np.flatnonzero(np.logical_or.reduce([witness.there for witness in witnesses]))
    experts = {witness.expert.name: witness.said[rows] for witness in witnesses}
    return HeldOut(
        rows=rows,
        class_index=class_index[rows],
        log_probabilities=combine_experts(list(experts.values()), weights),
        experts=experts,
        weights=dict(zip(experts, weights, strict=True)),
        n_folds=n_folds,
    )


def _spread(values: np.ndarray, view: View, n_support: int) -> np.ndarray:
    """Put a view's labelled rows at their places in the support set; zeros elsewhere."""
    spread = np.zeros((n_support, *values.shape[1:]), dtype=values.dtype)
    spread[view.rows] = values
    return spread
