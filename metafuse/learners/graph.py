"""k-nearest-neighbour graph of a source, label propagation over it, and its extension to other rows.

    F = alpha * S F + (1 - alpha) * Y,    S = D^-1/2 W D^-1/2 of the symmetrised graph,  W = max(cos, 0)^3

Reference: Zhou et al. 2003, "Learning with Local and Global Consistency"; Iscen et al. 2019, "Label
Propagation for Deep Semi-supervised Learning", arXiv:1904.04717 (the weights); Delalleau, Bengio, Le Roux
2005, "Efficient Non-Parametric Function Induction in Semi-Supervised Learning" (the extension).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from metafuse.index.knn import nearest_neighbours

N_NEIGHBOURS = 10
POWER = 3
ALPHA = 0.8
N_ITERATIONS = 15


@dataclass(frozen=True)
class Neighbourhood:
    """Nearest neighbours of every row of a source, itself left out, and the graph they make.

    Args:
        similarity: Cosines, best first.
        neighbour: Positions of the neighbours.
        graph: Symmetric, normalised, (n, n).
    """

    similarity: Float[np.ndarray, "n k"]
    neighbour: Int[np.ndarray, "n k"]
    graph: sparse.csr_matrix


def find_neighbourhood(base: Float[np.ndarray, "n dim"], device: str) -> Neighbourhood:
    """Search the neighbours of each row among the others.

    Args:
        base: L2-normalised embeddings, at least two.
        device: "auto", "cpu" or "cuda".
    """
    similarity, neighbour = nearest_neighbours(
        base, base, N_NEIGHBOURS, device=device, own_positions=np.arange(len(base))
    )
    n, k = neighbour.shape
    weight = np.maximum(similarity.ravel(), 0.0) ** POWER
    graph = sparse.csr_matrix((weight, neighbour.ravel(), np.arange(0, n * k + 1, k)), shape=(n, n), dtype=np.float32)
    graph = graph + graph.T
    degree = np.asarray(graph.sum(axis=1)).ravel()
    inverse = sparse.diags((1.0 / np.sqrt(np.maximum(degree, 1e-8))).astype(np.float32))
    return Neighbourhood(similarity, neighbour, (inverse @ graph @ inverse).tocsr())


def propagate(
    graph: sparse.csr_matrix,
    seeds: Float[np.ndarray, "n n_way"],
    *,
    alpha: float = ALPHA,
    n_iterations: int = N_ITERATIONS,
) -> Float[np.ndarray, "n n_way"]:
    """Spread seeds over the graph; unnormalised."""
    spread = seeds
    for _ in range(n_iterations):
        spread = np.float32(alpha) * (graph @ spread) + np.float32(1 - alpha) * seeds
    return spread


def average_neighbours(
    distribution: Float[np.ndarray, "n_base n_way"],
    similarity: Float[np.ndarray, "n k"],
    neighbour: Int[np.ndarray, "n k"],
) -> Float[np.ndarray, "n n_way"]:
    """Average the class distributions of each row's neighbours, weighted by max(cos, 0)^3."""
    weight = np.maximum(similarity, 1e-6) ** POWER
    weight /= weight.sum(axis=1, keepdims=True)
    n, k = neighbour.shape
    # One sparse product: the dense (n, k, n_way) block would not fit for long lists.
    pick = sparse.csr_matrix(
        (weight.ravel(), neighbour.ravel(), np.arange(0, n * k + 1, k)), shape=(n, len(distribution))
    )
    return np.asarray(pick @ distribution, dtype=np.float32)
