"""How often the row a query belongs to is among the first that retrieval finds."""

import numpy as np
from jaxtyping import Float

AT = (1, 5, 10)


def recall_at(similarity: Float[np.ndarray, "n n"]) -> dict[int, float]:
    """Share of queries whose own item is among the first k, for each k of `AT`.

    Args:
        similarity: Row i holds the similarity of query i to all items; item i is its own. Items as similar as its
            own count as half before it and half after.
    """
    own = np.diag(similarity)[:, None]
    before = (similarity > own).sum(axis=1) + ((similarity == own).sum(axis=1) - 1) / 2
    return {k: float((before < k).mean()) for k in AT}


def mean_recall_at_10(similarity: Float[np.ndarray, "n n"]) -> float:
    """Recall@10 averaged over both directions, by which settings are chosen."""
    return (recall_at(similarity)[10] + recall_at(similarity.T)[10]) / 2
