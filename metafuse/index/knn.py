"""Nearest neighbours and k-means over plain matrices, on the CPU or the GPU."""

from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from metafuse.errors import ConfigError
from metafuse.index.backend import load_faiss, on_gpu
from metafuse.index.checks import check_k, checked
from metafuse.index.faiss_index import GPU_MAX_K
from metafuse.index.ivf import build_ivf
from metafuse.index.ordering import TIE_MARGIN, best_first

EXACT_ROWS = 16_384
"""Rows up to which `NeighbourSearch` is exact."""
EXACT_DIM = 128
"""Below it exact search is quick, and the codes of approximate search are too coarse."""
EXACT_PAIRS = 1_000_000_000
"""Products of a query and a row up to which `nearest_neighbours` is exact: some ten seconds on one core."""
RERANK_FACTOR = 10
"""Candidates compared exactly for each neighbour: recall@10 is .90 to .995 on the views of a source of 100,000 rows, in
a quarter of the time of exact search."""


class NeighbourSearch:
    """Searches the rows nearest to queries, again and again in the same rows.

    Exact up to 16,384 rows, below 128 dimensions and on a GPU; else approximate, through cells and codes that are
    trained when it is first asked. What a query gets does not depend on the others.

    Args:
        base: Rows to search; L2-normalised rows make the inner product the cosine similarity.
        device: "auto", "cpu" or "cuda".
    Raises:
        ShapeError: NaN.
    """

    def __init__(self, base: Float[np.ndarray, "n_base dim"], device: str = "auto") -> None:
        self._base = checked("base", base)
        self._device = device
        self._is_exact = _is_small(self._base) or on_gpu(device)

    @cached_property
    def _index(self) -> Any:
        index = build_ivf(self._base, rerank_factor=RERANK_FACTOR)
        index.add(self._base)
        return index

    def search(
        self, queries: Float[np.ndarray, "n_queries dim"], k: int
    ) -> tuple[Float[np.ndarray, "n_queries k"], Int[np.ndarray, "n_queries k"]]:
        """Find the k rows with the greatest inner product to each query; see `nearest_neighbours`."""
        queries = checked("queries", queries, self._base.shape[1])
        check_k(k)
        k = min(k, len(self._base))
        if self._is_exact:
            found = _search(queries, self._base, min(k + TIE_MARGIN, len(self._base)), self._device)
        else:
            found = _search_index(self._index, queries, k)
        similarities, positions = best_first(*found)
        return similarities[:, :k], positions[:, :k]


def nearest_neighbours(
    queries: Float[np.ndarray, "n_queries dim"],
    base: Float[np.ndarray, "n_base base_dim"],
    k: int,
    *,
    device: str = "auto",
    own_positions: Int[np.ndarray, " n_queries"] | None = None,
) -> tuple[Float[np.ndarray, "n_queries k"], Int[np.ndarray, "n_queries k"]]:
    """Find the k rows of the base with the greatest inner product to each query.

    Exact up to a thousand million pairs and on a GPU; above, approximate on the CPU as `NeighbourSearch` is.

    Args:
        queries: L2-normalised rows make the inner product the cosine similarity.
        base: Rows to search.
        k: Neighbours wanted; fewer come back where the base has fewer.
        device: "auto", "cpu" or "cuda".
        own_positions: Position of each query itself in the base, -1 where it is not there: that row is left out of
            the query's neighbours. `np.arange(len(base))` where the queries are the base.
    Returns:
        Similarities, best first, ties by position, and positions in the base.
    Raises:
        ShapeError: the dimensions differ, or NaN.
        ConfigError: k is below 1, or the base is empty, or has no second row where each is left out.
    """
    base = checked("base", base)
    queries = checked("queries", queries, base.shape[1])
    check_k(k)
    n_own = int(own_positions is not None)
    n_others = len(base) - n_own
    if n_others < 1:
        raise ConfigError(f"neighbours need at least one other row to choose from, got {len(base)} rows in all.")
    k = min(k, n_others)
    n_fetched = min(k + n_own + TIE_MARGIN, len(base))
    if len(queries) * len(base) <= EXACT_PAIRS or _is_small(base) or on_gpu(device):
        found = _search(queries, base, n_fetched, device)
    else:
        found = NeighbourSearch(base, device).search(queries, k + n_own)
    similarities, positions = best_first(*found)
    if own_positions is not None:
        # A stable sort on "is it me" moves each row to the end of its own list and keeps the others in order.
        order = np.argsort(positions == own_positions[:, None], axis=1, kind="stable")
        similarities = np.take_along_axis(similarities, order, axis=1)
        positions = np.take_along_axis(positions, order, axis=1)
    return similarities[:, :k], positions[:, :k]


def _is_small(base: Float[np.ndarray, "n_base dim"]) -> bool:
    return len(base) <= EXACT_ROWS or base.shape[1] < EXACT_DIM


def _search(
    queries: Float[np.ndarray, "n_queries dim"], base: Float[np.ndarray, "n_base dim"], k: int, device: str
) -> tuple[Float[np.ndarray, "n_queries k"], Int[np.ndarray, "n_queries k"]]:
    faiss = load_faiss()
    if len(queries) == 0:
        return np.zeros((0, k), dtype=np.float32), np.zeros((0, k), dtype=np.int64)
    if k <= GPU_MAX_K and on_gpu(device):
        resources = faiss.StandardGpuResources()
        return faiss.knn_gpu(resources, queries, base, k, metric=faiss.METRIC_INNER_PRODUCT)
    return faiss.knn(queries, base, k, metric=faiss.METRIC_INNER_PRODUCT)


def _search_index(
    index: Any, queries: Float[np.ndarray, "n_queries dim"], k: int
) -> tuple[Float[np.ndarray, "n_queries k"], Int[np.ndarray, "n_queries k"]]:
    """Search an approximate index; what it does not find where cells are nearly empty is -1, as far as can be."""
    similarities, positions = index.search(queries, k)
    return np.where(positions < 0, np.float32(-1), similarities), positions


def kmeans(
    rows: Float[np.ndarray, "n dim"], n_clusters: int, *, seed: int, device: str = "auto", n_iterations: int = 25
) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, "n_clusters dim"]]:
    """Cluster L2-normalised rows by spherical k-means.

    Returns:
        The cluster of each row, and the clusters' centres, L2-normalised.
    Raises:
        ShapeError: not a matrix, or NaN.
        ConfigError: more clusters than rows, or fewer than one.
    """
    rows = checked("rows", rows)
    if not 1 <= n_clusters <= len(rows):
        raise ConfigError(f"expected 1 to {len(rows)} clusters for {len(rows)} rows, got {n_clusters}.")
    faiss = load_faiss()
    model = faiss.Kmeans(
        rows.shape[1],
        n_clusters,
        niter=n_iterations,
        seed=seed,
        spherical=True,
        min_points_per_centroid=1,
        max_points_per_centroid=len(rows),
        gpu=on_gpu(device),
    )
    model.train(rows)
    _, assignment = nearest_neighbours(rows, model.centroids, 1, device=device)
    return assignment[:, 0], model.centroids
