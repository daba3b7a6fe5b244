"""Linear discriminant analysis with a covariance shared by the classes and shrunk half-way to its average variance.

Reference: Friedman 1989, "Regularized Discriminant Analysis".
"""

from metafuse.fusion.base import Fusion
from metafuse.learners.heads import lda_head
from metafuse.learners.single import SingleViewLearner


def lda_learner(fusion: Fusion, *, seed: int = 0, device: str = "auto") -> SingleViewLearner:
    """Adapt a linear discriminant.

    Args:
        fusion: Embeds the items.
        seed: Decides which labels are held out together.
        device: "auto", "cpu" or "cuda", for neighbour searches.
    """
    return SingleViewLearner(fusion, (lda_head,), (1.0,), seed=seed, device=device)
