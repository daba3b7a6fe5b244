"""Fits a mixture: an expert per view, weighed by held-out labels, or by agreement where there is one label a class."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from metafuse.features import Features
from metafuse.fusion.base import Fusion
from metafuse.fusion.late import combine_experts, fit_expert_weights
from metafuse.learners.base import HeldOut
from metafuse.learners.mixture import FEWEST_HELD_OUT, Expert, FitHead, Mixture, fit_expert
from metafuse.learners.novelty import fit_novelty
from metafuse.learners.seeding import seed_folds
from metafuse.learners.surroundings import Surroundings, surroundings_of
from metafuse.learners.view import View, read_view

FUSED = "fused"


def fit_mixture(
    fusion: Fusion,
    views: Mapping[str, Fusion],
    fits: Sequence[FitHead],
    prior: Sequence[float],
    support: Features,
    class_index: Int[np.ndarray, " n_support"],
    *,
    pool: Features | None,
    class_shots: Features | None,
    seed: int,
    device: str,
) -> Mixture:
    """Adapt the heads to a support set in each view, and learn what is unknown in the fused one.

    Args:
        fusion: The view rows are embedded and compared in.
        views: Name -> view that gets an expert of its own; without any, `fusion` gets the only one.
        fits: Heads of each expert, the plain baseline first.
        prior: Weight of each head where labels are too few to tell.
        support: Labelled items.
        class_index: Their classes.
        pool: Unlabelled items of the same source.
        class_shots: One item per class, made of its name.
        seed: Decides folds and, for a large pool, which rows take part.
        device: Where searches run.
    """
    read = {FUSED: fusion, **views}
    opened = {
        name: read_view(view, support, class_index, pool=pool, class_shots=class_shots, seed=seed, device=device)
        for name, view in read.items()
    }
    names = [name for name in opened if name in views or not views]
    surroundings, experts, said, there = [], [], [], []
    for place, (name, view) in enumerate(opened.items()):
        seedings = seed_folds(view)
        if name == FUSED:
            novelty = fit_novelty(view, seedings)
        surroundings.append(surroundings_of(view, seedings[-1]))
        if name in names:
            expert, held = fit_expert(name, place, view, seedings, fits, prior)
            experts.append(expert)
            said.append(_spread(held, view, len(class_index)))
            there.append(_spread(view.fold[:, None] >= 0, view, len(class_index))[:, 0])
    weights = _weigh(experts, said, there, class_index, pool, surroundings, opened)
    held_out = _held_out(experts, said, there, weights, class_index, opened)
    return Mixture(tuple(surroundings), tuple(experts), tuple(weights), novelty, held_out)


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


def _weigh(
    experts: Sequence[Expert],
    said: Sequence[Float[np.ndarray, "n n_way"]],
    there: Sequence[Bool[np.ndarray, " n"]],
    class_index: Int[np.ndarray, " n"],
    pool: Features | None,
    surroundings: Sequence[Surroundings],
    opened: Mapping[str, View],
) -> list[float]:
    if len(experts) == 1:
        return [1.0]
    rows = np.logical_or.reduce(there)
    if np.count_nonzero(rows) >= FEWEST_HELD_OUT:
        prior = [agreement(logs[rows].argmax(axis=1), class_index[rows], logs.shape[1]) for logs in said]
        return fit_expert_weights([logs[rows] for logs in said], class_index[rows], prior)
    return _weigh_by_agreement(experts, pool, surroundings, opened)


def _weigh_by_agreement(
    experts: Sequence[Expert], pool: Features | None, surroundings: Sequence[Surroundings], opened: Mapping[str, View]
) -> list[float]:
    """Weigh experts by how far they agree on the pool with the one that knows the class names.

    With one label a class nothing can be held out. The expert whose view has class names has the most to go by; one
    that knows nothing agrees with it only by chance. Where no view has names the fused one stands alone.
    """
    named = [at for at, expert in enumerate(experts) if opened[expert.name].shots is not None and expert.name != FUSED]
    fused = [at for at, expert in enumerate(experts) if expert.name == FUSED]
    if not named or pool is None or len(pool) == 0:
        alone = fused or named
        return [1.0 if not alone or at in alone else 0.0 for at in range(len(experts))]
    looks = [surroundings[expert.view].look(pool) for expert in experts]
    labels = [expert.log_probabilities(look).argmax(axis=1) for expert, look in zip(experts, looks, strict=True)]
    n_way = len(experts[0].covered)
    weights = []
    for at, expert in enumerate(experts):
        both = looks[at].there & looks[named[0]].there
        agrees = agreement(labels[at][both], labels[named[0]][both], n_way)
        weights.append(1.0 if at in named else 0.0 if expert.name == FUSED else agrees)
    return weights


def _held_out(
    experts: Sequence[Expert],
    said: Sequence[Float[np.ndarray, "n n_way"]],
    there: Sequence[Bool[np.ndarray, " n"]],
    weights: Sequence[float],
    class_index: Int[np.ndarray, " n"],
    opened: Mapping[str, View],
) -> HeldOut:
    rows = np.flatnonzero(np.logical_or.reduce(there))
    return HeldOut(
        rows=rows,
        class_index=class_index[rows],
        log_probabilities=combine_experts([logs[rows] for logs in said], weights),
        experts={expert.name: logs[rows] for expert, logs in zip(experts, said, strict=True)},
        weights={expert.name: weight for expert, weight in zip(experts, weights, strict=True)},
        n_folds=max(view.n_folds for view in opened.values()),
    )


def _spread(values: np.ndarray, view: View, n_support: int) -> np.ndarray:
    """Put a view's labelled rows at their places in the support set; zeros elsewhere."""
    spread = np.zeros((n_support, values.shape[1]), dtype=values.dtype)
    spread[view.rows] = values
    return spread
