"""Series and handwritten digits as sources for episodes, for networks that take raw values."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from scipy.io import loadmat
from torch import Tensor

from metafuse.episodes.base import PADDING, EpisodePool
from metafuse.episodes.batch import EpisodeBatch, map_items
from metafuse.meta_training.loop import Augment
from metafuse.meta_training.sources import TrainingSource

SETS = ("GunPoint", "ItalyPowerDemand", "JapaneseVowels", "OSULeaf")
LENGTH = 64
"""Steps every series is brought to, so that a kernel spans the same share of each."""
COPIES = 4
"""Of a series as a class of its own; each copy is changed on its own."""
NOISE = 0.5
"""Of the digits' values in training, in their standard deviations."""


@dataclass(frozen=True)
class Labelled:
    """Rows and their classes: x is (n, channels, length) or (n, features)."""

    x: Tensor
    class_index: Tensor

    def class_means(self) -> "Labelled":
        """Average the rows of each class."""
        classes = self.class_index.unique()
        return Labelled(torch.stack([self.x[self.class_index == place].mean(0) for place in classes]), classes)

    def draw(self, k_shot: int, seed: int) -> tuple["Labelled", "Labelled"]:
        """Draw k rows a class; the rest beside them."""
        order = torch.from_numpy(np.random.default_rng(seed).permutation(len(self.x)))
        taken = [order[self.class_index[order] == place][:k_shot] for place in self.class_index.unique()]
        support = torch.cat(taken)
        rest = torch.ones(len(self.x), dtype=torch.bool).index_fill(0, support, False)
        return Labelled(self.x[support], self.class_index[support]), Labelled(self.x[rest], self.class_index[rest])


def read_series(name: str, data: Path) -> tuple[Labelled, Labelled]:
    """TRAIN and TEST part of a set; a channel is scaled by its own series, where it is one of several by TRAIN."""
    parts = [_read_part(data / "ts_ucr" / name / f"{name}_{part}.ts") for part in ("TRAIN", "TEST")]
    classes = np.unique(parts[0][1])
    train = parts[0][0]
    mean, scale = train.mean(axis=(0, 2), keepdims=True), train.std(axis=(0, 2), keepdims=True)
    found = []
    for x, labels in parts:
        if x.shape[1] == 1:
            mean, scale = x.mean(axis=2, keepdims=True), x.std(axis=2, keepdims=True)
        scaled = torch.from_numpy((x - mean) / scale).float()
        found.append(Labelled(scaled, torch.from_numpy(np.searchsorted(classes, labels))))
    return found[0], found[1]


def _read_part(path: Path) -> tuple[np.ndarray, np.ndarray]:
    lines = path.read_text(encoding="utf-8").split("@data")[1].split()
    rows = [line.rsplit(":", 1) for line in lines]
    x = [[_resample(channel) for channel in values.split(":")] for values, _ in rows]
    return np.array(x), np.array([label for _, label in rows])


def _resample(channel: str) -> np.ndarray:
    values = np.array([float(cell) for cell in channel.split(",") if cell])
    return np.interp(np.linspace(0, 1, LENGTH), np.linspace(0, 1, len(values)), values)


def series_sources(name: str, train: Labelled, test: Labelled) -> list[TrainingSource]:
    """A set as two sources: its classes, and each of its series as a class; TEST rows of its classes to validate.

    Each channel is a series of its own, and an episode holds series of one channel.
    """
    n_channels = train.x.shape[1]
    n_train, n_test = len(train.x) * n_channels, len(test.x) * n_channels
    x = torch.cat([train.x.flatten(0, 1).repeat(COPIES, 1), test.x.flatten(0, 1)]).unsqueeze(1)
    channel = np.tile(np.arange(n_channels), COPIES * len(train.x) + len(test.x))
    own, asked = (
        np.add.outer(part.class_index.numpy() * n_channels, np.arange(n_channels)).ravel() for part in (train, test)
    )
    nothing, unasked = np.full(n_train * (COPIES - 1), PADDING), np.full(n_test, PADDING)
    ids = {
        "classes": np.concatenate([own, nothing, unasked]),
        "series": np.concatenate([np.tile(np.arange(n_train), COPIES), unasked]),
        "validation": np.concatenate([np.full(n_train * COPIES, PADDING), asked]),
    }

    def pool(kind: str, title: str) -> EpisodePool:
        names = tuple(map(str, range(ids[kind].max() + 1)))
        return EpisodePool(title, names, ids[kind].astype(np.int64), group_id=channel)

    return [
        TrainingSource(x, {"meta_train": pool(kind, title), "meta_val": pool("validation", title)}, {})
        for kind, title in (("classes", name), ("series", f"{name}, each series a class"))
    ]


def change_series(batch: EpisodeBatch, generator: torch.Generator) -> EpisodeBatch:
    """Crop, bend in time, scale and add noise, a little: place and level tell classes apart."""

    def change(x: Tensor) -> Tensor:
        flat = x.flatten(0, -2)
        drawn = torch.rand(4, len(flat), 1, generator=generator)
        width, along = 0.95 + 0.05 * drawn[0], torch.linspace(0, 1, LENGTH)
        bend = 0.03 * (2 * drawn[2] - 1) * torch.sin(torch.pi * along)
        place = ((1 - width) * drawn[1] + width * (along + bend)).clamp(0, 1) * (LENGTH - 1)
        before = place.long().clamp(max=LENGTH - 2)
        changed = torch.lerp(flat.gather(1, before), flat.gather(1, before + 1), place - before)
        noise = 0.1 * torch.randn(changed.shape, generator=generator)
        return (changed * (0.8 + 0.4 * drawn[3]) + noise).view_as(x)

    return _changed(batch, change)


def _changed(batch: EpisodeBatch, change: Callable[[Tensor], Tensor]) -> EpisodeBatch:
    support = replace(batch.support, items=map_items(batch.support.items, change))
    return EpisodeBatch(support, map_items(batch.query, change), batch.query_class_index)


def read_views(data: Path, trained: Sequence[int]) -> Iterator[Labelled]:
    """Each view of the digits, standardised on the rows of the digits to train on, rows of length 10 or so."""
    cells = loadmat(data / "multiview" / "Handwritten.mat")
    labels = cells["y"].ravel().astype(np.int64)
    digits = np.searchsorted(np.unique(labels), labels)
    own = np.isin(digits, list(trained))
    for view in cells["X"].ravel():
        x = (view - view[own].mean(axis=0)) / (view[own].std(axis=0) + 1e-8)
        yield Labelled(torch.from_numpy(10 * x / x.shape[1] ** 0.5).float(), torch.from_numpy(digits))


def digit_source(rows: Labelled, trained: Sequence[int]) -> tuple[TrainingSource, Labelled, Augment]:
    """The digits to train on, 30 % of their rows to validate; the other digits; and noise as it fits this view."""
    digits = rows.class_index.numpy()
    class_id = np.where(np.isin(digits, list(trained)), digits - trained[0], PADDING)
    is_train = np.random.default_rng(0).random(len(digits)) < 0.7
    names = tuple(map(str, trained))
    pools = {
        "meta_train": EpisodePool("handwritten", names, np.where(is_train, class_id, PADDING)),
        "meta_val": EpisodePool("handwritten", names, np.where(is_train, PADDING, class_id)),
    }
    others = torch.from_numpy(class_id == PADDING)
    left = rows.class_index[others]
    spread = NOISE * float(rows.x[~others].std())

    def augment(batch: EpisodeBatch, generator: torch.Generator) -> EpisodeBatch:
        return _changed(batch, lambda x: x + spread * torch.randn(x.shape, generator=generator))

    places = torch.searchsorted(left.unique(), left)
    return TrainingSource(rows.x, pools, {}), Labelled(rows.x[others], places), augment
