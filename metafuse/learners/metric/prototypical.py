"""Nearest prototype on frozen embeddings.

    logits_c(x) = scale * cos(x - m, prototype_c),    prototype_c = mean of class c's labelled rows and its name

Deviations: cosine on rows centred on the source, for squared Euclidean distance; a class name counts as one more
row, as far as names label the support set; the scale is fitted to held-out labels.

Reference: Snell, Swersky, Zemel 2017, "Prototypical Networks for Few-shot Learning", arXiv:1703.05175.
"""

from metafuse.fusion.base import Fusion
from metafuse.learners.heads import prototype_head
from metafuse.learners.single import SingleViewLearner


def prototypical_learner(fusion: Fusion, *, seed: int = 0, device: str = "auto") -> SingleViewLearner:
    """Adapt one prototype a class.

    Args:
        fusion: Embeds the items.
        seed: Decides which labels are held out together.
        device: "auto", "cpu" or "cuda", for neighbour searches.
    """
    return SingleViewLearner(fusion, (prototype_head,), (1.0,), seed=seed, device=device)
