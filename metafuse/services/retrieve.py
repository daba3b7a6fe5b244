"""The rows most similar to a query."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from metafuse.crossmodal.alignment import CrossModal
from metafuse.errors import ConfigError
from metafuse.features import Features
from metafuse.index.base import Index
from metafuse.schema import Modality


@dataclass(frozen=True)
class Hit:
    """A row found.

    Args:
        row_id: Id of the row.
        similarity: Cosine similarity to the query, -1..1.
    """

    row_id: str
    similarity: float


def retrieve(
    index: Index, query: Float[np.ndarray, " dim"], k: int = 10, *, exclude_id: str | None = None
) -> list[Hit]:
    """Find the k rows most similar to an embedding, best first.

    Args:
        index: The source's index.
        query: L2-normalised embedding.
        k: Rows wanted; fewer come back where the index holds fewer.
        exclude_id: The row the query was made of, which is left out.
    Raises:
        ShapeError: another dimension than the index has, or NaN.
        ConfigError: k is below 1.
    """
    n_wanted = k if exclude_id is None or k < 1 else k + 1
    similarities, ids = index.search(query[None], n_wanted)
    hits = [
        Hit(row_id, float(similarity))
        for row_id, similarity in zip(ids[0], similarities[0], strict=False)  # NaN where fewer rows were found
        if row_id != exclude_id
    ]
    return hits[:k]


def retrieve_across(
    spaces: CrossModal, query: Features, items: Features, *, source: Modality, target: Modality, k: int
) -> list[tuple[int, float]]:
    """Find the k rows whose `target` is most similar to a query's `source`, in a space the two share.

    Args:
        spaces: Of the source.
        query: One item.
        items: The source's rows; those without the target are never found.
        source: What the query is.
        target: What they are compared by.
        k: Rows wanted.
    Returns:
        Position and cosine similarity of each, best first.
    Raises:
        SchemaError: no space joins the two.
        ConfigError: k is below 1.
    """
    if k < 1:
        raise ConfigError(f"k must be at least 1, got {k}. Ask for one row or more.")
    embedded = spaces.item_embeddings(items, source, target)
    similarity = embedded @ spaces.embed_query(query, source, target)[0]
    there = np.flatnonzero(embedded.any(axis=1))
    order = there[np.argsort(-similarity[there], kind="stable")[:k]]
    return [(int(place), float(similarity[place])) for place in order]
