"""Graph fusion: one neighbour graph per modality, added up as far as each modality knows the classes.

    W = sum_m w_m D_m^-1/2 W_m D_m^-1/2,    S = D^-1/2 W D^-1/2

An item without a modality has no edges in that modality's graph, and is reached through those of the others. Labels
spread over S as over any graph here, which is a graph convolution without weights between its steps.

Reference: Wu et al. 2019, "Simplifying Graph Convolutional Networks", arXiv:1902.07153; Wang et al. 2014, "Similarity
network fusion for aggregating data types on a genomic scale". Deviations: a weighted sum for the latter's diffusion
across networks, whose products of dense matrices do not scale; labels are convolved, not features, as in Klicpera et
al. 2019, "Predict then Propagate", arXiv:1810.05997.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from metafuse.fusion.plan import FusionPlan

LEAST_SHARE = 0.05
"""Of the strongest modality, that every graph keeps: where a row has no other edges they are all there is."""


def fuse_graphs(
    graphs: Sequence[sparse.csr_matrix],
    members: Sequence[Int[np.ndarray, " _"]],
    weights: Sequence[float],
    n_rows: int,
) -> sparse.csr_matrix:
    """Add up graphs over some of the rows each.

    Args:
        graphs: Symmetric, normalised.
        members: Row of each node of a graph; -1 for a node that is none of the rows.
        weights: One per graph, at least 0.
        n_rows: Nodes of the result.
    Returns:
        Symmetric, normalised.
    """
    best = max(weights, default=0.0)
    total = sparse.csr_matrix((n_rows, n_rows), dtype=np.float32)
    for graph, rows, weight in zip(graphs, members, weights, strict=True):
        known = np.flatnonzero(rows >= 0)
        put = sparse.csr_matrix((np.ones(len(known), np.float32), (rows[known], known)), shape=(n_rows, len(rows)))
        total = total + np.float32(max(weight, LEAST_SHARE * best) if best else 1.0) * (put @ graph @ put.T)
    degree = np.asarray(total.sum(axis=1)).ravel()
    inverse = sparse.diags((1.0 / np.sqrt(np.maximum(degree, 1e-8))).astype(np.float32))
    return (inverse @ total @ inverse).tocsr()


def strongest_edges(
    graph: sparse.csr_matrix, n_edges: int
) -> tuple[Float[np.ndarray, "n n_edges"], Int[np.ndarray, "n n_edges"]]:
    """Weights and ends of each row's heaviest edges, heaviest first; weight zero where a row has fewer."""
    n = graph.shape[0]
    weight, end = np.zeros((n, n_edges), dtype=np.float32), np.zeros((n, n_edges), dtype=np.int64)
    for row in range(n):
        inside = slice(graph.indptr[row], graph.indptr[row + 1])
        order = np.argsort(-graph.data[inside], kind="stable")[:n_edges]
        weight[row, : len(order)] = graph.data[inside][order]
        end[row, : len(order)] = graph.indices[inside][order]
    return weight, end


def graph() -> FusionPlan:
    """An expert on the fused graph beside one per modality and one on all of them."""
    return FusionPlan(graph=True)
