"""Linear discriminant analysis with a covariance shared by the classes and shrunk half-way to its average variance.

Reference: Friedman 1989, "Regularized Discriminant Analysis"; few-shot use: Liu et al. 2020, "A Universal
Representation Transformer Layer for Few-Shot Image Classification".
"""

import numpy as np
from jaxtyping import Int

from metafuse.features import Features
from metafuse.fusion.base import Fusion
from metafuse.learners.heads import lda_head
from metafuse.learners.mixture import Mixture
from metafuse.learners.product import fit_mixture


class LdaLearner:
    """Adapts a linear discriminant.

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
            [lda_head],
            [1.0],
            support=support,
            class_index=class_index,
            pool=pool,
            class_shots=class_shots,
            seed=self._seed,
            device=self._device,
        )
