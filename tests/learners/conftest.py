"""Small sources with known structure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pytest

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
