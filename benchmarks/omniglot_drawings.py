"""Omniglot as the benchmarks take it: its splits, the 20 original runs, and slightly changed views of a drawing.

Read from a folder `omniglot` with the two packed image sets and `all_runs.zip`. Ink is 255 everywhere.
"""

import math
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from metafuse.encoders.pixels import decode_image, to_square
from metafuse.episodes.splits import episode_pools
from metafuse.features import open_cache
from metafuse.meta_training.images import transform_images, with_rotations
from metafuse.meta_training.sources import TrainingSource, read_training_source
from metafuse.public_data import fetch_data
from metafuse.task import ClassSpec

N_CHARACTERS, N_TEST, N_VAL = 1623, 423, 100
FEWEST_CHARACTERS = 20
N_RUNS = 20

VIEWS = [
    (0.0, 1.0, 0.0, 0.0),
    *((turn, scale, 0.0, 0.0) for turn in (-0.15, 0.15) for scale in (0.93, 1.07)),
    *((0.0, 1.0, across, down) for across, down in ((0.05, 0.0), (-0.05, 0.0), (0.0, 0.05), (0.0, -0.05))),
]
"""Turn in radians, scale, shift in halves of the side; the first is the drawing as it is."""


def read_drawings(task: str, size: int, data: Path) -> TrainingSource:
    """Read one of the two image sets."""
    fetch_data(task, data / "omniglot")
    source = read_training_source(task, "conv4", {"image_size": size}, open_cache(None), device="cpu")
    return replace(source, items=255 - source.items)


def mix(sources: list[TrainingSource]) -> TrainingSource:
    """Split the characters of all alphabets at random, then turn each by quarters."""
    pools = [source.pools["all"] for source in sources]
    labels = [pool.classes[class_id] for pool in pools for class_id in pool.class_id]
    spec = ClassSpec(meta_val=N_VAL / N_CHARACTERS, meta_test=N_TEST / N_CHARACTERS)
    items = torch.cat([source.items for source in sources])
    return with_rotations(TrainingSource(items, episode_pools("omniglot", labels, spec), {}))


def hold_out(source: TrainingSource) -> TrainingSource:
    """Hold out a tenth of the alphabets for validation; those too small for an episode count as one alphabet."""
    pool = source.pools["all"]
    pairs = np.unique(np.stack([pool.group_id, pool.class_id]), axis=1)
    small = np.bincount(pairs[0]) < FEWEST_CHARACTERS
    group = np.where(small[pool.group_id], len(small), pool.group_id)
    labels = [pool.classes[class_id] for class_id in pool.class_id]
    pools = episode_pools("omniglot", labels, ClassSpec(meta_val=0.1), group=group)
    return with_rotations(TrainingSource(source.items, pools, {}))


def read_runs(data: Path, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Read support images, test images and the place of each test image's class in the support, a row a run."""

    def read(name: str) -> np.ndarray:
        return 255 - to_square(decode_image(archive.read(name)), size, 1)

    support, query, answers = [], [], []
    with zipfile.ZipFile(data / "omniglot" / "all_runs.zip") as archive:
        for run in range(1, N_RUNS + 1):
            names = archive.read(f"run{run:02d}/class_labels.txt").decode().split()
            tests, classes = names[::2], names[1::2]
            known = sorted(classes)
            support.append(np.stack([read(name) for name in known]))
            query.append(np.stack([read(name) for name in tests]))
            answers.append([known.index(name) for name in classes])
    return torch.from_numpy(np.stack(support)), torch.from_numpy(np.stack(query)), torch.tensor(answers)


def change_view(drawings: Tensor, view: tuple[float, float, float, float]) -> Tensor:
    """Turn, scale and shift all drawings alike; bytes in, values 0..1 out."""
    turn, scale, across, down = view
    cos, sin = scale * math.cos(turn), scale * math.sin(turn)
    theta = torch.tensor([[cos, -sin, across], [sin, cos, down]])
    return transform_images(drawings.float() / 255, theta.expand(len(drawings), 2, 3))
