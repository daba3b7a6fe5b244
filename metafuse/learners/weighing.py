"""How much each expert counts: by held-out labels, or by agreement where there is one label a class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from metafuse.features import Features
from metafuse.fusion.combination import Said
from metafuse.fusion.late import WeightedProduct, fit_expert_weights
from metafuse.learners.mixture import FEWEST_HELD_OUT, Expert
from metafuse.learners.modality_graph import GraphSurroundings
from metafuse.learners.surroundings import Surroundings
from metafuse.learners.view import View
from metafuse.schema import Modality

FUSED = "fused"
GRAPH = "graph"
BLOCKS = "blocks"
ACROSS = (FUSED, GRAPH, BLOCKS)
"""Experts that see every modality."""

EXPERT_PULL = 0.3
"""Pull of expert weights to their skill, in mean log loss. It and the two standard errors are constants chosen on draws
of appimage, emoji and luma catalogues, and checked on other draws of them."""

LEAST_SPREAD = 0.01
"""Variance assumed of a hit, for the standard error of an expert that is never or always right."""

MOST_COMPARED = 5_000
"""Rows of the pool, evenly spaced, on which experts are compared."""

TRUST_IN_FUSED = 5.0
"""Weight of the fused expert where no label is held out, up to one, per unit of the agreement, beyond two standard
errors, of another modality with the one that knows the class names: where none agrees, fusing adds their noise only."""


@dataclass(frozen=True)
class Witness:
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
    surroundings: Surroundings | GraphSurroundings
    said: Float[np.ndarray, "n_support n_way"]
    there: Bool[np.ndarray, " n_support"]

    @property
    def is_across(self) -> bool:
        """Whether it sees every modality."""
        return self.expert.name in ACROSS


def weigh(
    witnesses: Sequence[Witness],
    class_index: Int[np.ndarray, " n_support"],
    pool: Features | None,
    *,
    agreed: Mapping[str, float] | None = None,
) -> list[float]:
    """Weigh experts in a product; one alone has weight 1.

    Args:
        witnesses: The experts.
        class_index: Classes of the labelled rows.
        pool: Unlabelled rows, on which experts are compared where too few labels are held out.
        agreed: What that comparison gave experts that had not been taught by each other, as taught ones agree anyway.
    """
    if len(witnesses) == 1:
        return [1.0]
    rows = np.logical_or.reduce([witness.there for witness in witnesses])
    if np.count_nonzero(rows) < FEWEST_HELD_OUT:
        if agreed is not None:
            return [agreed.get(witness.expert.name, agreed.get(FUSED, 0.0)) for witness in witnesses]
        return _weigh_by_agreement(witnesses, pool)
    return list(fit_product([witness.said[rows] for witness in witnesses], class_index[rows], 0).weights)


def fit_product(said: Said, class_index: Int[np.ndarray, " n"], seed: int) -> WeightedProduct:
    """Fit the weights of a product, pulled to each expert's skill; there is nothing random in it."""
    skill = [surely_above_chance(logs.argmax(axis=1), class_index, logs.shape[1]) for logs in said]
    used = [at for at, sure in enumerate(skill) if sure > 0] or [0]
    found = fit_expert_weights([said[at] for at in used], class_index, [skill[at] for at in used], pull=EXPERT_PULL)
    weights = dict(zip(used, found, strict=True))
    return WeightedProduct(tuple(weights.get(at, 0.0) for at in range(len(said))))


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


def _weigh_by_agreement(witnesses: Sequence[Witness], pool: Features | None) -> list[float]:
    """Weigh experts by how far they agree on the pool with the one that has the most to go by.

    With one label a class nothing can be held out. The expert whose view has class names knows most, where none
    has that of the text; one that knows nothing agrees with it only by chance. One that sees every modality counts as
    far as another modality agrees at all. Without any of them the fused one stands alone.
    """
    fused = [witness.is_across for witness in witnesses]
    named = [witness.view.shots is not None and not whole for witness, whole in zip(witnesses, fused, strict=True)]
    if not any(named):
        named = [witness.expert.name == Modality.TEXT for witness in witnesses]
    if not any(named) or pool is None or len(pool) == 0:
        alone = fused if any(fused) else named
        return [1.0 if here or not any(alone) else 0.0 for here in alone]
    if len(pool) > MOST_COMPARED:
        pool = pool.take(np.linspace(0, len(pool) - 1, MOST_COMPARED).astype(np.int64))
    looks = [witness.surroundings.look(pool) for witness in witnesses]
    labels = [
        witness.expert.log_probabilities(look).argmax(axis=1) for witness, look in zip(witnesses, looks, strict=True)
    ]
    first, n_way = named.index(True), witnesses[0].said.shape[1]
    weights, sure = [], 0.0
    for at, look in enumerate(looks):
        both = look.there & looks[first].there
        pair = labels[at][both], labels[first][both]
        weights.append(1.0 if named[at] else 0.0 if fused[at] else agreement(*pair, n_way))
        if not named[at] and not fused[at] and both.any():
            sure = max(sure, surely_above_chance(*pair, n_way))
    trust = min(1.0, TRUST_IN_FUSED * sure) / max(1, sum(fused))
    return [trust if whole else weight for weight, whole in zip(weights, fused, strict=True)]
