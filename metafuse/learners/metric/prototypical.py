"""Nearest prototype on frozen embeddings.

    logits_c(x) = scale * cos(x - m, prototype_c),    prototype_c = mean of class c's labelled rows and its name

Deviations: cosine on rows centred on the source, for squared Euclidean distance; a class name counts as one more
row, as far as names label the support set; the scale is fitted to held-out labels.

Reference: Snell, Swersky, Zemel 2017, "Prototypical Networks for Few-shot Learning", arXiv:1703.05175.
"""

import numpy as np
from jaxtyping import Int

from metafuse.features import Features
from metafuse.fusion.base import Fusion
from metafuse.learners.heads import prototype_head
from metafuse.learners.mixture import Mixture
from metafuse.learners.product import fit_mixture


class PrototypicalLearner:
    """Adapts one prototype a class.

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
            [prototype_head],
            [1.0],
            support=support,
            class_index=class_index,
            pool=pool,
            class_shots=class_shots,
            seed=self._seed,
            device=self._device,
        )
