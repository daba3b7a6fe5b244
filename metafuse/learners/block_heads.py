"""Heads that a fusion trains on blocks of modalities, from logistic regression on, per fold of held-out labels."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from metafuse.fusion.bilinear import BilinearHead, fit_products
from metafuse.fusion.gated import GatedHead, fit_gates
from metafuse.learners.seeding import Seeding, sharpen
from metafuse.learners.view import View

CONFIDENT_SHARE = 0.3
"""Of the pool, most certain of their class first: they train too, each for as much as its certainty."""

MOST_CONFIDENT = 2_000
POOL_WEIGHT = 0.3
"""Of a confident row beside a labelled one."""

FITS: Mapping[str, Callable[..., GatedHead | BilinearHead]] = {"gated": fit_gates, "bilinear": fit_products}


@dataclass(frozen=True)
class FitBlockHead:
    """Fits a head to the labels of a view outside a fold, its class names and its confident rows.

    Args:
        kind: "gated" or "bilinear".
        widths: Of the blocks of the view's embeddings.
        seed: Draws the blocks left out in training.
    """

    kind: str
    widths: tuple[int, ...]
    seed: int

    def __call__(self, view: View, seeding: Seeding) -> GatedHead | BilinearHead:
        """Fit; called once per fold and once for all labels."""
        start = seeding.logistic
        rows, targets, weight = _training_rows(view, seeding)
        return FITS[self.kind](
            rows, targets, weight, weight=start.weight, bias=start.bias, widths=self.widths, seed=self.seed
        )


def _training_rows(
    view: View, seeding: Seeding
) -> tuple[Float[np.ndarray, "n dim"], Float[np.ndarray, "n n_way"], Float[np.ndarray, " n"]]:
    x, targets, weight = view.labelled(seeding.held_out)
    n_labelled = len(view.class_index)
    soft = sharpen(view, seeding)[n_labelled:]
    certainty = soft.max(axis=1)
    n_taken = min(int(CONFIDENT_SHARE * len(soft)), MOST_CONFIDENT)
    taken = np.argsort(-certainty, kind="stable")[:n_taken]
    return (
        np.concatenate([x, view.base[n_labelled + taken]]),
        np.concatenate([targets, soft[taken]]),
        np.concatenate([weight, np.float32(POOL_WEIGHT) * certainty[taken]]).astype(np.float32),
    )
