"""Co-training: what all modalities together say of the source's rows teaches the expert of each.

    q(x) ~ prod_v q_v(x)^w_v    over the views v that x has, q_v the class distributions that propagation gave its rows

An expert of a weak modality learns from rows that a strong one has told apart, so that it can stand in where a row
lacks the strong one. The weights are those of a product of plain experts: by held-out labels, or by agreement. Labels
held out of one view are held out of the teacher's too: folds are the fused view's.

Reference: Blum, Mitchell 1998, "Combining Labeled and Unlabeled Data with Co-Training". Deviations: one round; the
teacher gives every row's distribution, not the surest rows' labels; it teaches a view only where it is surely better.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int

from metafuse.learners.linear import softmax
from metafuse.learners.seeding import Seeding
from metafuse.learners.view import View

FEWEST_HELD_OUT = 10
LEAST_SHARE = 1e-4
"""Of a class in a distribution that is multiplied with others."""


def align_folds(view: View, fused: View) -> View:
    """Hold out in a view what the fused one holds out."""
    place = {int(row): at for at, row in enumerate(fused.rows)}
    fold = [int(fused.fold[place[int(row)]]) if int(row) in place else -1 for row in view.rows]
    return replace(view, fold=np.array(fold, dtype=np.int64))


def is_judged(view: View) -> Bool[np.ndarray, " n_labelled"]:
    """Which labelled rows are held out while their class has another: of the others a view knows nothing."""
    judged = view.fold >= 0
    for row in np.flatnonzero(judged):
        judged[row] = ((view.class_index == view.class_index[row]) & (view.fold != view.fold[row])).any()
    return judged


def teach(
    views: Mapping[str, View], seeded: Mapping[str, Sequence[Seeding]], weights: Mapping[str, float], fused: View
) -> dict[str, list[Seeding]]:
    """Give every view's rows the distributions of all views' product.

    Args:
        views: Name -> view; folds are those of the fused one.
        seeded: Name -> its seedings, one per fold and one with all labels.
        weights: Name -> weight in the product.
        fused: The view that has every row.
    """
    places = {name: places_in(fused, view) for name, view in views.items()}
    taught: dict[str, list[Seeding]] = {name: [] for name in views}
    for held_out in [*range(fused.n_folds), None]:
        # A view without a row in a fold was seeded with all its labels, none of which is held out.
        own = {
            name: next((one for one in seedings if one.held_out == held_out), seedings[-1])
            for name, seedings in seeded.items()
        }
        product = _multiply(own, places, weights, fused)
        for name, seeding in own.items():
            if seeding.held_out == held_out:
                known = places[name] >= 0
                distribution = seeding.distribution.copy()
                distribution[known] = product[places[name][known]]
                taught[name].append(replace(seeding, distribution=distribution))
    return {
        name: taught[name] if _is_better(view, taught[name], seeded[name]) else list(seeded[name])
        for name, view in views.items()
    }


def _multiply(
    own: Mapping[str, Seeding], places: Mapping[str, np.ndarray], weights: Mapping[str, float], fused: View
) -> Float[np.ndarray, "n n_way"]:
    logits = np.zeros((len(fused.base), fused.n_way), dtype=np.float32)
    for name, rows in places.items():
        known = rows >= 0
        shares = np.maximum(own[name].distribution[known], LEAST_SHARE)
        logits[rows[known]] += np.float32(weights.get(name, 0.0)) * np.log(shares)
    return softmax(logits)


def _is_better(view: View, taught: Sequence[Seeding], own: Sequence[Seeding]) -> bool:
    """Whether the teacher is right more often about held-out labels, by more than one standard error; yes for few."""
    rows = np.flatnonzero(view.fold >= 0)
    if len(rows) < FEWEST_HELD_OUT:
        return True
    right = []
    for seedings in (taught, own):
        found = {one.held_out: one.distribution for one in seedings}
        predicted = np.array([found[int(view.fold[row])][row].argmax() for row in rows])
        right.append((predicted == view.class_index[rows]).astype(float))
    lead = right[0] - right[1]
    return bool(lead.mean() > lead.std() / np.sqrt(len(lead)))


def places_in(fused: View, view: View) -> Int[np.ndarray, " n"]:
    """Where the rows of a view stand in the fused one; -1 for those that are not there."""
    found = np.minimum(np.searchsorted(fused.members, view.members), len(fused.members) - 1)
    return np.where(fused.members[found] == view.members, found, -1)
