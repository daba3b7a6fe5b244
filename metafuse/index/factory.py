"""Builds the index that suits the number of rows."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from metafuse.index.backend import on_gpu
from metafuse.index.checks import checked
from metafuse.index.faiss_index import FaissIndex
from metafuse.index.flat import build_flat
from metafuse.index.ivf import build_ivf

EXACT_ROWS_CPU = 100_000
"""Up to here exact search answers a query in about a millisecond a core and needs no training."""

EXACT_ROWS_GPU = 4_000_000
"""Up to here (6 GB at 384 dimensions) a GPU searches exactly faster than a CPU does approximately."""


def build_index(ids: Sequence[str], embeddings: Float[np.ndarray, "n dim"], device: str = "auto") -> FaissIndex:
    """Build an index: exact for a small source, approximate for a large one.

    Args:
        ids: Id of each row.
        embeddings: L2-normalised.
        device: "auto", "cpu" or "cuda".
    Raises:
        ShapeError: not one id per row, or NaN.
        ConfigError: an id occurs twice, or "cuda" on a machine without a GPU.
    """
    rows = checked("embeddings", embeddings)
    gpu = on_gpu(device) and len(rows) <= EXACT_ROWS_GPU
    exact = gpu or len(rows) <= EXACT_ROWS_CPU
    index = FaissIndex(build_flat(rows.shape[1]) if exact else build_ivf(rows), gpu=gpu)
    index.add(ids, rows)
    return index
