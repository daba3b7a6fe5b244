"""A learner of one view: one expert on the fused embedding, whatever heads it is given."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from metafuse.features import Features
from metafuse.fusion.base import Fusion
from metafuse.learners.mixture import FitHead, Mixture
from metafuse.learners.product import fit_mixture


class SingleViewLearner:
    """Adapts one expert.

    Args:
        fusion: Embeds the items.
        heads: How each of its heads is fitted, the plain baseline first.
        prior: Weight of each head where labels are too few to tell.
        seed: Decides which labels are held out together.
        device: "auto", "cpu" or "cuda", for neighbour searches.
    """

    def __init__(
        self, fusion: Fusion, heads: Sequence[FitHead], prior: Sequence[float], *, seed: int, device: str
    ) -> None:
        self._fusion, self._heads, self._prior = fusion, tuple(heads), tuple(prior)
        self._seed, self._device = seed, device

    def adapt(
        self,
        support: Features,
        class_index: Int[np.ndarray, " n_support"],
        *,
        pool: Features | None = None,
        class_shots: Features | None = None,
    ) -> Mixture:
        """Adapt to labelled items; see `Learner.adapt`."""
        return fit_mixture(
            self._fusion, {}, self._heads, self._prior,
            support=support, class_index=class_index, pool=pool, class_shots=class_shots,
            seed=self._seed, device=self._device,
        )  # fmt: skip
