"""Logistic regression on frozen embeddings, the strongest plain head at five labels a class and more.

Deviation: a class name counts as one more row, as far as names label the support set.

Reference: Tian et al. 2020, "Rethinking Few-Shot Image Classification: A Good Embedding Is All You Need?",
arXiv:2003.11539.
"""

import numpy as np
from jaxtyping import Int

from metafuse.features import Features
from metafuse.fusion.base import Fusion
from metafuse.learners.heads import logistic_head
from metafuse.learners.mixture import Mixture
from metafuse.learners.product import fit_mixture


class LogisticLearner:
    """Adapts a logistic regression.

    Args:
        fusion: Embeds the items.
        seed: Decides which labels are held out together.
        device: "auto", "cpu" or "cuda", for neighbour searches.
    """

    def __init__(self, fusion: Fusion, *, seed: int = 0, device: str = "auto") -> None:
        self._fusion, self._seed, self._device = fusion, seed, device

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
            self._fusion,
            {},
            [logistic_head],
            [1.0],
            support=support,
            class_index=class_index,
            pool=pool,
            class_shots=class_shots,
            seed=self._seed,
            device=self._device,
        )
