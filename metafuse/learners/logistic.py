"""Logistic regression on frozen embeddings, the strongest plain head at five labels a class and more.

Deviation: a class name counts as one more row, as far as names label the support set.

Reference: Tian et al. 2020, "Rethinking Few-Shot Image Classification: A Good Embedding Is All You Need?",
arXiv:2003.11539.
"""

from metafuse.fusion.base import Fusion
from metafuse.learners.heads import logistic_head
from metafuse.learners.single import SingleViewLearner


def logistic_learner(fusion: Fusion, *, seed: int = 0, device: str = "auto") -> SingleViewLearner:
    """Adapt a logistic regression.

    Args:
        fusion: Embeds the items.
        seed: Decides which labels are held out together.
        device: "auto", "cpu" or "cuda", for neighbour searches.
    """
    return SingleViewLearner(fusion, (logistic_head,), (1.0,), seed=seed, device=device)
