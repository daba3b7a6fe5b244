"""Small sources with known structure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from metafuse.backbones.mlp import Mlp
from metafuse.episodes.batch import EpisodeBatch, Support
from metafuse.features import Features
from metafuse.fusion.base import Fusion
from metafuse.fusion.early import fit_early_fusion
from metafuse.learners import LEARNERS
from metafuse.learners.base import Learner
from metafuse.schema import Modality


def to_features(columns: Mapping[str, np.ndarray]) -> Features:
    """Take matrices as columns; a row of zeros lacks the column."""
    return Features(
        {name: matrix.astype(np.float32) for name, matrix in columns.items()},
        {name: matrix.any(axis=1) for name, matrix in columns.items()},
        {name: Modality(name) for name in columns},
    )


@dataclass(frozen=True)
class Sample:
    """Rows of classes that are Gaussians around unit vectors: text in 12 dimensions, image in 6."""

    text: np.ndarray
    image: np.ndarray
    class_index: np.ndarray

    @property
    def features(self) -> Features:
        return to_features({"text": self.text, "image": self.image})

    def without(self, column: str, rows: list[int]) -> Features:
        columns = {"text": self.text.copy(), "image": self.image.copy()}
        columns[column][rows] = 0
        return to_features(columns)


@pytest.fixture(scope="session")
def features_of() -> Callable[..., Features]:
    def build(**columns: np.ndarray) -> Features:
        return to_features(columns)

    return build


@pytest.fixture(scope="session")
def sample() -> Callable[..., Sample]:
    """Draw rows; `spread` is the standard deviation within a class, `apart` the length of the class means."""

    def draw(counts: list[int], seed: int = 0, *, spread: float = 0.15, apart: float = 1.0) -> Sample:
        generator = np.random.default_rng(seed)
        class_index = np.repeat(np.arange(len(counts)), counts)
        text = apart * np.eye(12)[class_index] + spread * generator.standard_normal((len(class_index), 12))
        image = apart * np.eye(6)[class_index % 6] + spread * generator.standard_normal((len(class_index), 6))
        return Sample(text, image, class_index)

    return draw


@pytest.fixture(scope="session")
def names() -> Callable[[int], Features]:
    """Class names that say where the classes are, in text alone."""

    def build(n_way: int) -> Features:
        return to_features({"text": np.eye(12)[:n_way], "image": np.zeros((n_way, 6))})

    return build


@pytest.fixture(scope="session")
def learner_for() -> Callable[..., Learner]:
    """Build a learner on the early fusion of a source; `auto` gets an expert per modality and one for all."""

    def build(name: str, source: Features, seed: int = 0) -> Learner:
        fusion = fit_early_fusion(source, dict.fromkeys(source.matrices, 1.0))
        options: dict[str, Mapping[str, Fusion]] = {}
        if name == "auto":
            alone = {column: fit_early_fusion(source, {column: 1.0}) for column in source.matrices}
            options = {"views": alone | {"fused": fusion}}
        return LEARNERS.build(name, fusion, seed=seed, device="cpu", **options)

    return build


@pytest.fixture(scope="session")
def episode_batch() -> Callable[..., EpisodeBatch]:
    """Draw episodes whose classes are Gaussians around axes, other ones in each task."""

    def draw(
        shots: list[int],
        n_query: int = 4,
        *,
        n_tasks: int = 2,
        dim: int = 8,
        apart: float = 3.0,
        spread: float = 0.3,
        seed: int = 0,
    ) -> EpisodeBatch:
        generator = torch.Generator().manual_seed(seed)
        support_class = torch.repeat_interleave(torch.arange(len(shots)), torch.tensor(shots)).repeat(n_tasks, 1)
        query_class = torch.arange(len(shots)).repeat_interleave(n_query).repeat(n_tasks, 1)
        axes = torch.stack([torch.randperm(dim, generator=generator)[: len(shots)] for _ in range(n_tasks)])
        support, query = (
            apart * nn.functional.one_hot(axes.gather(1, classes), dim)
            + spread * torch.randn(*classes.shape, dim, generator=generator)
            for classes in (support_class, query_class)
        )
        weight = torch.ones(support_class.shape)
        return EpisodeBatch(Support(support, support_class, weight, len(shots)), query, query_class)

    return draw


@pytest.fixture(scope="session")
def backbone_for() -> Callable[..., nn.Module]:
    """Build a small backbone of items in 8 dimensions: "identity", "linear" or "mlp"."""

    def build(name: str, seed: int = 0) -> nn.Module:
        if name == "identity":
            identity = nn.Identity()
            identity.dim = 8
            return identity
        return Mlp(in_features=8, hidden=(32,) if name == "mlp" else (), dim=8, seed=seed)

    return build
