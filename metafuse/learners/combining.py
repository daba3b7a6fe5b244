"""Makes one prediction of the experts': their product, or a combination that does better on held-out labels."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int

from metafuse.fusion.combination import FEWEST_ROWS, Combination, combine_across
from metafuse.fusion.late import combine_experts
from metafuse.fusion.plan import PRODUCT, FusionPlan
from metafuse.learners.base import HeldOut
from metafuse.learners.weighing import Witness, fit_product


def combine_witnesses(
    witnesses: Sequence[Witness],
    weights: Sequence[float],
    class_index: Int[np.ndarray, " n_support"],
    plan: FusionPlan,
    seed: int,
) -> tuple[Combination | None, HeldOut]:
    """Fit the plan's combination to what the experts say of held-out rows.

    Args:
        witnesses: The experts.
        weights: Of each in the product.
        class_index: Classes of the labelled rows.
        plan: Names the combinations, and whether they compete.
        seed: Of what is random in them.
    Returns:
        The combination, None for the product; and how the held-out rows fare under it, fitted to the others.
    """
    rows = np.flatnonzero(np.logical_or.reduce([witness.there for witness in witnesses]))
    truth, said = class_index[rows], [witness.said[rows] for witness in witnesses]
    names = [witness.expert.name for witness in witnesses]
    held_out = HeldOut(
        rows=rows,
        class_index=truth,
        log_probabilities=combine_experts(said, weights),
        experts=dict(zip(names, said, strict=True)),
        weights=dict(zip(names, weights, strict=True)),
        n_folds=max(witness.view.n_folds for witness in witnesses),
    )
    if not plan.combinations or len(witnesses) == 1 or len(rows) < FEWEST_ROWS:
        return None, held_out
    fits = {PRODUCT: fit_product, **plan.combinations}
    across = {name: combine_across(fit, said, truth, seed) for name, fit in fits.items()}
    candidates = {name: matrix.argmax(axis=1) == truth for name, matrix in across.items()}
    chosen = _choose(across, truth) if plan.chooses else next(iter(plan.combinations))
    if chosen == PRODUCT:
        return None, replace(held_out, candidates=candidates)
    held_out = replace(held_out, log_probabilities=across[chosen], combined=chosen, candidates=candidates)
    return plan.combinations[chosen](said, truth, seed), held_out


def _choose(across: Mapping[str, Float[np.ndarray, "n n_way"]], class_index: Int[np.ndarray, " n"]) -> str:
    """The product, or what has a lower log loss by more than one standard error of the paired difference."""
    rows = np.arange(len(class_index))
    loss = {name: -matrix[rows, class_index] for name, matrix in across.items()}
    chosen = PRODUCT
    for name, own in loss.items():
        lead = loss[chosen] - own
        if lead.mean() > lead.std() / np.sqrt(len(lead)):
            chosen = name
    return chosen
