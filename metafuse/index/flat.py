"""Exact search: every query is compared with every row."""

from typing import Any

from metafuse.index.backend import load_faiss


def build_flat(dim: int) -> Any:
    """Make an empty exact index by inner product."""
    return load_faiss().IndexFlatIP(dim)
