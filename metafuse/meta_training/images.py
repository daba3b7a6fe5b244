"""What is done to raw images in meta-training: rotations as new classes, and random affine changes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from metafuse.episodes.base import EpisodePool
from metafuse.episodes.batch import EpisodeBatch, Items, map_items
from metafuse.errors import ConfigError
from metafuse.meta_training.sources import TrainingSource

QUARTERS = 4


@dataclass(frozen=True)
class AffineAugment:
    """Turns, shears, scales and shifts every image of a training batch on its own.

    Args:
        degrees: Largest turn.
        scale: Largest change of size; 0.2 for 0.8 to 1.2, height and width apart.
        shear: Largest shear, as a slope.
        shift: Largest shift, as a share of the image.
    """

    degrees: float = 10.0
    scale: float = 0.15
    shear: float = 0.2
    shift: float = 0.08

    def __call__(self, batch: EpisodeBatch, generator: torch.Generator) -> EpisodeBatch:
        """Change support and query items."""
        support = replace(batch.support, items=self._change(batch.support.items, generator))
        return EpisodeBatch(support, self._change(batch.query, generator), batch.query_class_index)

    def _change(self, items: Items, generator: torch.Generator) -> Items:
        if isinstance(items, Mapping):
            raise ConfigError("affine changes are for raw images, got columns. Leave the augmentation out.")
        images = items.flatten(0, 1)
        return transform_images(images, self.draw(len(images), generator)).unflatten(0, items.shape[:2])

    def draw(self, n: int, generator: torch.Generator) -> Float[Tensor, "n 2 3"]:
        """Draw transformations."""
        angle, width, height, shear, across, down = (
            bound * (2 * torch.rand(n, generator=generator) - 1)
            for bound in (
                math.radians(self.degrees), self.scale, self.scale, self.shear, 2 * self.shift, 2 * self.shift,
            )
        )  # fmt: skip
        turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], dim=1).unflatten(1, (2, 2))
        stretch = torch.stack([1 + width, shear, torch.zeros(n), 1 + height], dim=1).unflatten(1, (2, 2))
        return torch.cat([turn @ stretch, torch.stack([across, down], dim=1).unsqueeze(2)], dim=2)


def transform_images(
    images: Float[Tensor, "n channels height width"], theta: Float[Tensor, "n 2 3"]
) -> Float[Tensor, "n channels height width"]:
    """Apply an affine transformation to each image; what comes from outside is as the nearest edge.

    Args:
        images: Any floating point values.
        theta: From places of the result to places of the image, in halves of its side from its centre.
    """
    grid = nn.functional.affine_grid(theta.to(images), list(images.shape), align_corners=False)
    return nn.functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


def with_rotations(source: TrainingSource) -> TrainingSource:
    """Add every image turned by 90, 180 and 270 degrees, each turn of a class as a class of its own.

    Groups are turned along: a turned alphabet is another alphabet. A class and its turns stay in one split.

    Reference: Santoro et al. 2016, "Meta-Learning with Memory-Augmented Neural Networks", section 4.1.
    """
    items = map_items(source.items, lambda images: torch.cat([images.rot90(turn, (2, 3)) for turn in range(QUARTERS)]))
    return TrainingSource(items, {split: _turned(pool) for split, pool in source.pools.items()}, source.encoders)


def _turned(pool: EpisodePool) -> EpisodePool:
    n_classes = len(pool.classes)
    classes = tuple(
        f"{label}, turned {90 * turn}" if turn else label for turn in range(QUARTERS) for label in pool.classes
    )
    return replace(
        pool,
        classes=classes,
        class_id=_repeat(pool.class_id, n_classes),
        group_id=None if pool.group_id is None else _repeat(pool.group_id, int(pool.group_id.max(initial=-1)) + 1),
        duplicate_id=None if pool.duplicate_id is None else np.tile(pool.duplicate_id, QUARTERS),
    )


def _repeat(ids: np.ndarray, n_distinct: int) -> np.ndarray:
    return np.concatenate([np.where(ids < 0, ids, ids + turn * n_distinct) for turn in range(QUARTERS)])
