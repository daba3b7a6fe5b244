"""Label propagation over the kNN graph of the pool, read off by a self-trained head and by the neighbours.

Best where few labels stand beside many unlabelled rows. Without a pool it falls back to the labelled rows' own graph.

Reference: Zhou et al. 2003, "Learning with Local and Global Consistency"; Iscen et al. 2019, arXiv:1904.04717. Seeds
and deviations: see `learners/seeding.py`.
"""

from metafuse.fusion.base import Fusion
from metafuse.learners.heads import neighbour_head, self_trained_head
from metafuse.learners.single import SingleViewLearner


def propagation_learner(fusion: Fusion, *, seed: int = 0, device: str = "auto") -> SingleViewLearner:
    """Adapt to labels and pool together.

    Args:
        fusion: Embeds the items.
        seed: Decides which labels are held out together.
        device: "auto", "cpu" or "cuda", for neighbour searches.
    """
    return SingleViewLearner(fusion, (self_trained_head, neighbour_head), (0.6, 0.6), seed=seed, device=device)
