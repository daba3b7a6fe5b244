"""The index as metafuse uses it: string ids over a faiss index, on the CPU or the GPU, saved as two files."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from metafuse.errors import ArtifactError, ConfigError, ShapeError
from metafuse.index.backend import load_faiss, on_gpu
from metafuse.index.checks import check_k, checked
from metafuse.index.ordering import TIE_MARGIN, best_first

VECTORS_FILE = "vectors.faiss"
IDS_FILE = "ids.json"

GPU_MAX_K = 2048
"""Neighbours that faiss can find on a GPU in one search."""


class FaissIndex:
    """Nearest-neighbour search by cosine similarity over L2-normalised embeddings.

    Args:
        vectors: A trained faiss index by inner product, empty or holding one row per id. On the GPU the rows are
            there and `vectors` keeps them for saving and for a k the GPU cannot do.
        ids: Id of each row in it.
        gpu: Whether a copy of it searches on the GPU; only exact indexes can.
    """

    def __init__(self, vectors: Any, ids: Sequence[str] = (), *, gpu: bool = False) -> None:
        self._vectors = vectors
        self._ids = list(ids)
        self._known = frozenset(ids)
        self._resources = load_faiss().StandardGpuResources() if gpu else None
        self._gpu_copy = load_faiss().index_cpu_to_gpu(self._resources, 0, vectors) if gpu else None

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def dim(self) -> int:
        """Dimension of the embeddings."""
        return int(self._vectors.d)

    @property
    def description(self) -> str:
        """What searches, and where: "exact, 600 x 384, cpu"."""
        kind = "exact" if type(self._vectors).__name__.startswith("IndexFlat") else "approximate"
        return f"{kind}, {len(self)} x {self.dim}, {'cpu' if self._gpu_copy is None else 'gpu'}"

    def add(self, ids: Sequence[str], embeddings: Float[np.ndarray, "n dim"]) -> None:
        """Add rows under their ids; all of them or, where one is refused, none.

        Raises:
            ShapeError: another dimension than the index has, another number of ids, or NaN.
            ConfigError: an id is in the index already, or twice among the new ones.
        """
        rows = checked("embeddings", embeddings, self.dim)
        if len(ids) != len(rows):
            raise ShapeError(f"expected one id per embedding, got {len(ids)} ids and {len(rows)} embeddings.")
        known = self._known.union(ids)
        if len(known) < len(self._known) + len(ids):
            raise ConfigError(f"id '{self._first_double(ids)}' is in the index already. Give every row its own id.")
        self._vectors.add(rows)
        if self._gpu_copy is not None:
            self._gpu_copy.add(rows)
        self._ids.extend(ids)
        self._known = known

    def search(
        self, queries: Float[np.ndarray, "n_queries dim"], k: int
    ) -> tuple[Float[np.ndarray, "n_queries k"], list[list[str]]]:
        """Find the k most similar rows of each query, best first, ties in the order rows were added.

        Returns:
            Similarities in -1..1 and ids; fewer than k where the index holds fewer. Where an approximate search
            finds fewer for one query, its list is shorter and its similarities end in NaN.
        Raises:
            ShapeError: another dimension than the index has, or NaN.
            ConfigError: k is below 1.
        """
        rows = checked("queries", queries, self.dim)
        check_k(k)
        k = min(k, len(self))
        if k == 0 or len(rows) == 0:
            return np.zeros((len(rows), k), dtype=np.float32), [[] for _ in rows]
        n_fetched = min(k + TIE_MARGIN, len(self))
        searcher = self._vectors if self._gpu_copy is None or n_fetched > GPU_MAX_K else self._gpu_copy
        similarities, positions = best_first(*searcher.search(rows, n_fetched))
        similarities, positions = np.clip(similarities[:, :k], -1.0, 1.0), positions[:, :k]
        similarities[positions < 0] = np.nan
        return similarities, [[self._ids[at] for at in row if at >= 0] for row in positions]

    def save(self, folder: Path) -> list[Path]:
        """Write the index into a folder, made if it is not there.

        Returns:
            The files written, for whoever keeps their hashes.
        Raises:
            ArtifactError: the disk refuses.
        """
        folder.mkdir(parents=True, exist_ok=True)
        try:
            load_faiss().write_index(self._vectors, str(folder / VECTORS_FILE))
        except RuntimeError as err:  # faiss has no other
            raise ArtifactError(
                f"'{folder / VECTORS_FILE}' cannot be written ({err}). Free some space or choose another --out."
            ) from err
        (folder / IDS_FILE).write_text(json.dumps(self._ids, ensure_ascii=False), encoding="utf-8")
        return [folder / VECTORS_FILE, folder / IDS_FILE]

    def _first_double(self, ids: Sequence[str]) -> str:
        seen = set(self._known)
        for item_id in ids:
            if item_id in seen:
                return item_id
            seen.add(item_id)
        raise AssertionError("called without a double")


def load_index(folder: Path, device: str = "auto") -> FaissIndex:
    """Read an index that `FaissIndex.save` wrote.

    Args:
        folder: Where it was saved.
        device: "auto", "cpu" or "cuda": where it will search.
    Raises:
        ArtifactError: a file is missing or damaged, or the two do not belong together.
        ConfigError: "cuda" on a machine without a GPU.
    """
    faiss = load_faiss()
    try:
        ids = json.loads((folder / IDS_FILE).read_text(encoding="utf-8"))
        vectors = faiss.read_index(str(folder / VECTORS_FILE))
    except (OSError, ValueError, RuntimeError) as err:
        raise ArtifactError(f"the index in '{folder}' cannot be read: {err}. Adapt again to build it anew.") from err
    if not isinstance(ids, list) or vectors.ntotal != len(ids):
        raise ArtifactError(
            f"the index in '{folder}' holds {vectors.ntotal} rows but {IDS_FILE} does not name as many. Adapt again "
            "to build it anew."
        )
    return FaissIndex(vectors, ids, gpu=isinstance(vectors, faiss.IndexFlat) and on_gpu(device))
