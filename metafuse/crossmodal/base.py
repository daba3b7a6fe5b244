"""What aligners and translators are: models of the unlabelled rows that have several modalities."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float


@runtime_checkable
class Aligner(Protocol):
    """Two modalities in one space; a frozen dataclass, made by `fit_NAME(x, y, *, seed)` from pairs of rows."""

    def project_x(self, x: Float[np.ndarray, "n dim_x"]) -> Float[np.ndarray, "n dim"]:
        """Map rows of the first modality into the space, L2-normalised float32."""
        ...

    def project_y(self, y: Float[np.ndarray, "m dim_y"]) -> Float[np.ndarray, "m dim"]:
        """Map rows of the second modality into the space, L2-normalised float32."""
        ...


@dataclass(frozen=True)
class Codes:
    """Blocks of features side by side, each in few dimensions, as translators take them.

    Args:
        values: Of all blocks; zero where a block is absent.
        present: Which items have which block.
        sizes: Dimensions of each block, in order.
    """

    values: Float[np.ndarray, "n dim"]
    present: Bool[np.ndarray, "n n_blocks"]
    sizes: tuple[int, ...]

    @property
    def known(self) -> Bool[np.ndarray, "n dim"]:
        """Which values are of a block that is there."""
        return np.repeat(self.present, self.sizes, axis=1)


@runtime_checkable
class Translator(Protocol):
    """Foresees the blocks an item lacks from those it has; a frozen dataclass, made by `fit_NAME(codes, *, seed)`."""

    def predict(self, codes: Codes) -> Float[np.ndarray, "n dim"]:
        """Predict the values of all blocks, float32; zeros are the source's mean."""
        ...


def spans(sizes: Sequence[int]) -> list[slice]:
    """Where each block's values stand."""
    ends = np.cumsum(sizes).tolist()
    return [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
