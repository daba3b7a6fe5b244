"""Early fusion with a meta-trained residual map a modality: what the `columns` backbone has become after training.

    y_c = x_c + R_m x_c, scaled back to the length of x_c,    for each column c of modality m

Columns of a modality without a map pass unchanged.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from metafuse.errors import ShapeError
from metafuse.features import Features
from metafuse.fusion.early import EarlyFusion, normalise
from metafuse.schema import Modality

Layout = tuple[tuple[str, int], ...]
""""modality/column" and its width, in the order columns stand in an embedding."""


@dataclass(frozen=True)
class MappedFusion:
    """Maps the columns of an early fusion.

    Args:
        fusion: Concatenates the columns.
        layout: Of its embeddings.
        residuals: Modality -> R.
    Raises:
        ShapeError: a column has another dimension than its modality's map.
    """

    fusion: EarlyFusion
    layout: Layout
    residuals: Mapping[str, Float[np.ndarray, "_ _"]]

    def __post_init__(self) -> None:
        for name, width in self.layout:
            residual = self.residuals.get(modality_of(name))
            if residual is not None and len(residual) != width:
                raise ShapeError(
                    f"column '{name}': expected features of {len(residual)} dimensions, as the checkpoint was trained "
                    f"on, got {width}. Use the encoder it was trained with."
                )

    def forward(self, features: Features) -> Float[np.ndarray, "n_items dim"]:
        """Fuse and map; float32, L2-normalised, zero where an item has none of the columns."""
        columns = split_columns(self.fusion.forward(features), self.layout)
        return np.concatenate([self._map(name, x) for name, x in columns.items()], axis=1)

    def _map(self, name: str, x: Float[np.ndarray, "n_items dim"]) -> Float[np.ndarray, "n_items dim"]:
        residual = self.residuals.get(modality_of(name))
        if residual is None:
            return x
        return normalise(x + x @ residual.T) * np.linalg.norm(x, axis=1, keepdims=True)


def layout_of(fusion: EarlyFusion, modalities: Mapping[str, Modality]) -> Layout:
    """Say where each column stands in a fusion's embeddings."""
    return tuple((f"{modalities[column]}/{column}", len(fusion.means[column])) for column in fusion.columns)


def split_columns(x: Float[np.ndarray, "n dim"], layout: Layout) -> dict[str, Float[np.ndarray, "n _"]]:
    """Cut embeddings into their columns."""
    ends = np.cumsum([width for _, width in layout])
    return {name: x[:, end - width : end] for (name, width), end in zip(layout, ends, strict=True)}


def modality_of(name: str) -> str:
    """Modality of a column named "modality/column"."""
    return name.partition("/")[0]
