"""Two coordinates per row for the map: near rows stay near, distances across the map mean little."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

N_ANCHORS = 1000
N_COMPONENTS = 50
MIN_ROWS_TSNE = 30
CHUNK = 10_000


@dataclass(frozen=True)
class Projection:
    """Where each row lies on the map, and how that was found.

    Args:
        coordinates: (n_rows, 2).
        method: What ran, in words.
    """

    coordinates: Float[np.ndarray, "n_rows 2"]
    method: str


def project(embeddings: Float[np.ndarray, "n_rows dim"], *, seed: int) -> Projection:
    """Lay embeddings out in two dimensions.

    Up to 1,000 rows get t-SNE on their 50 main components. Of more rows, 1,000 do, and each
    other row is put between the three of them that are nearest to it: an overview of a million
    rows then costs one matrix product. Fewer than 30 rows get their two main components.

    Args:
        embeddings: One row each, L2-normalised.
        seed: Of the sample and of the layout.
    """
    n_rows = len(embeddings)
    if n_rows < MIN_ROWS_TSNE:
        return project_linearly(embeddings)
    if n_rows <= N_ANCHORS:
        return Projection(_tsne(embeddings, seed), "t-SNE of the 50 main components")
    anchors = np.sort(np.random.default_rng(seed).choice(n_rows, N_ANCHORS, replace=False))
    layout = _tsne(embeddings[anchors], seed)
    coordinates = _place(embeddings, embeddings[anchors], layout, seed)
    coordinates[anchors] = layout
    return Projection(coordinates, f"t-SNE of {N_ANCHORS:,} rows, the others beside their nearest")


def project_linearly(embeddings: Float[np.ndarray, "n_rows dim"]) -> Projection:
    """Lay embeddings out on their two main components: distances across the map mean something, and groups overlap."""
    return Projection(_main_components(embeddings, 2).astype(np.float32), "PCA, two components")


def sample_points(is_kept: Bool[np.ndarray, " n_rows"], *, limit: int, seed: int) -> Int[np.ndarray, " n_points"]:
    """Choose at most `limit` rows for the map, those marked as kept first, in the rows' order."""
    if len(is_kept) <= limit:
        return np.arange(len(is_kept))
    draw = np.random.default_rng(seed).random(len(is_kept)) - is_kept
    return np.sort(np.argsort(draw, kind="stable")[:limit])


def _main_components(embeddings: np.ndarray, n_components: int) -> np.ndarray:
    """Project on the main components; missing ones (too few rows or columns) are zero."""
    centred = embeddings.astype(np.float64) - embeddings.mean(axis=0, dtype=np.float64)
    # The scatter is small whatever the number of rows; an SVD of the rows themselves is not.
    _, vectors = np.linalg.eigh(centred.T @ centred)
    found = centred @ vectors[:, ::-1][:, :n_components]
    return np.pad(found, ((0, 0), (0, n_components - found.shape[1])))


def _tsne(embeddings: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    components = _main_components(embeddings, min(N_COMPONENTS, embeddings.shape[1]))
    # Equal rows would be torn apart by chance alone, and rows without any spread divide by zero.
    components = np.pad(components, ((0, 0), (0, max(0, 2 - components.shape[1]))))
    components += 1e-6 * np.random.default_rng(seed).standard_normal(components.shape)
    perplexity = min(30.0, len(embeddings) / 4)
    tsne = TSNE(2, init="pca", perplexity=perplexity, max_iter=400, random_state=seed)
    # Its 400 short parallel steps wait for each other: on busy cores several threads took 1 s to 100 s.
    with threadpool_limits(1):
        layout = tsne.fit_transform(components)
    return layout.astype(np.float32)


def _place(embeddings: np.ndarray, anchors: np.ndarray, layout: np.ndarray, seed: int) -> np.ndarray:
    """Put each row between its three nearest anchors, or beside the nearest where those lie apart."""
    rng = np.random.default_rng(seed)
    extent = float(np.ptp(layout, axis=0).max())
    placed = np.empty((len(embeddings), 2), dtype=np.float32)
    for start in range(0, len(embeddings), CHUNK):
        similarity = embeddings[start : start + CHUNK] @ anchors.T  # (chunk, n_anchors)
        nearest = np.argpartition(-similarity, 3, axis=1)[:, :3]
        close = np.take_along_axis(similarity, nearest, axis=1)
        weight = np.exp((close - close.max(axis=1, keepdims=True)) / 0.05)
        weight /= weight.sum(axis=1, keepdims=True)
        best = layout[np.take_along_axis(nearest, close.argmax(axis=1)[:, None], axis=1)[:, 0]]
        between = (weight[:, :, None] * layout[nearest]).sum(axis=1)
        # Half way between two far groups is a place where neither belongs.
        lies_apart = np.linalg.norm(between - best, axis=1, keepdims=True) > 0.05 * extent
        jitter = 0.006 * extent * rng.standard_normal(between.shape)
        placed[start : start + CHUNK] = np.where(lies_apart, best, between) + jitter
    return placed
