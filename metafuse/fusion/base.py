"""What a fusion is: features of several columns in, one embedding per item out."""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from metafuse.features import Features


@runtime_checkable
class Fusion(Protocol):
    """Combines the columns an item has into one vector; columns it lacks are left out."""

    def forward(self, features: Features) -> Float[np.ndarray, "n_items dim"]:
        """Fuse.

        Returns:
            float32 embeddings, L2-normalised; zero where an item has none of the columns.
        """
        ...
