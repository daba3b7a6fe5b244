"""What an encoder is: raw values of one modality in, one feature row per value out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

Progress = Callable[[int], None]
"""Called with the number of values finished since the last call."""


@dataclass(frozen=True)
class Encoded:
    """Features of a list of values.

    Args:
        matrix: One row per value; rows of failed values are zero.
        failures: Position in the list -> why that value could not be encoded.
    """

    matrix: Float[np.ndarray, "n_items dim"]
    failures: Mapping[int, str]


@runtime_checkable
class Encoder(Protocol):
    """A frozen encoder of one modality.

    `fingerprint` identifies weights, pre-processing and code version without loading the model:
    equal fingerprints give equal features. It is part of the cache key.
    """

    modality: str

    @property
    def dim(self) -> int:
        """Length of a feature row."""
        ...

    @property
    def fingerprint(self) -> str:
        """Identifies what decides the features."""
        ...

    def encode(self, values: Sequence[Any], progress: Progress | None = None) -> Encoded:
        """Encode values: text as str, images as the bytes of an image file.

        Returns:
            float32 features, (n_items, dim); a value that cannot be decoded is a failure, not an exception.
        """
        ...
