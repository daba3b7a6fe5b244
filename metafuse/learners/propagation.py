"""Label propagation over the kNN graph of the pool, read off by a self-trained head and by the neighbours.

Best where few labels stand beside many unlabelled rows. Without a pool it falls back to the labelled rows' own graph.

Reference: Zhou et al. 2003, "Learning with Local and Global Consistency"; Iscen et al. 2019, arXiv:1904.04717. Seeds
and deviations: see `learners/seeding.py`.
"""

import numpy as np
from jaxtyping import Int

from metafuse.features import Features
from metafuse.fusion.base import Fusion
from metafuse.learners.heads import neighbour_head, self_trained_head
from metafuse.learners.mixture import Mixture
from metafuse.learners.product import fit_mixture


class PropagationLearner:
    """Adapts to labels and pool together.

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
            [self_trained_head, neighbour_head],
            [0.6, 0.6],
            support=support,
            class_index=class_index,
            pool=pool,
            class_shots=class_shots,
            seed=self._seed,
            device=self._device,
        )
