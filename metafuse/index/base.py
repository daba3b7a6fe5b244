"""What an index is: embeddings in, nearest neighbours out."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float


@runtime_checkable
class Index(Protocol):
    """Nearest-neighbour search by cosine similarity over L2-normalised embeddings.

    The one mutable object of the library, on purpose: rows are added without a rebuild.
    """

    def add(self, ids: Sequence[str], embeddings: Float[np.ndarray, "n dim"]) -> None:
        """Add rows under their ids.

        Raises:
            ShapeError: another dimension than the index has.
            ConfigError: an id is in the index already.
        """
        ...

    def search(
        self, queries: Float[np.ndarray, "n_queries dim"], k: int
    ) -> tuple[Float[np.ndarray, "n_queries k"], list[list[str]]]:
        """Find the k most similar rows of each query, best first.

        Returns:
            Similarities in -1..1 and ids; fewer than k where the index holds fewer.
        """
        ...
