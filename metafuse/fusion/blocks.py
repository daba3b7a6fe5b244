"""The modalities' main directions side by side: what a trained fusion sees of an item.

    e(x) = normalise([ sqrt(w_m) * e_m(x) for each modality m ]),    e_m cut to its leading directions

Each modality is a block of a known place, which gates and products of modalities work on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from metafuse.features import Features
from metafuse.fusion.base import Fusion
from metafuse.fusion.early import normalise
from metafuse.fusion.reduced import reduce_fusion

BLOCK_DIMENSIONS = 96


@dataclass(frozen=True)
class BlocksFusion:
    """Concatenates other fusions' embeddings.

    Args:
        parts: One fusion a modality.
        weights: Of each, above 0.
        widths: Dimensions of each.
    """

    parts: tuple[Fusion, ...]
    weights: tuple[float, ...]
    widths: tuple[int, ...]

    def forward(self, features: Features) -> Float[np.ndarray, "n_items dim"]:
        """Fuse; float32, L2-normalised, zero where an item has none of the modalities."""
        blocks = [
            np.float32(np.sqrt(weight)) * part.forward(features)
            for part, weight in zip(self.parts, self.weights, strict=True)
        ]
        return normalise(np.concatenate(blocks, axis=1))


def fit_blocks(
    views: Mapping[str, Fusion], weights: Mapping[str, float], features: Features, seed: int
) -> BlocksFusion:
    """Cut views of one modality each to their leading directions and put them side by side.

    Args:
        views: Modality -> its fusion.
        weights: Modality -> weight.
        features: Items of the source.
        seed: Draws the items that directions are fitted to where there are many.
    """
    parts = tuple(reduce_fusion(view, features, seed, most_dimensions=BLOCK_DIMENSIONS) for view in views.values())
    first = features.take(np.arange(1))
    widths = tuple(part.forward(first).shape[1] for part in parts)
    return BlocksFusion(parts, tuple(float(weights[name]) for name in views), widths)


def indicator(widths: Sequence[int]) -> Float[np.ndarray, "n_blocks dim"]:
    """Which dimensions belong to which block, as ones."""
    return np.repeat(np.eye(len(widths), dtype=np.float32), widths, axis=1)
