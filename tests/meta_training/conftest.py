"""Small sources of separable classes, and a learner with something to train."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from metafuse.episodes.base import EpisodePool
from metafuse.learners.episodic_spec import LearnerSpec
from metafuse.meta_training.sources import TrainingSource
from metafuse.task import EpisodeSizes

N_CLASSES, N_ROWS = 12, 10


@pytest.fixture
def source() -> Callable[..., TrainingSource]:
    """Rows of classes whose difference lies in half of the dimensions; the other half is loud noise."""

    def build(name: str = "toy", seed: int = 0) -> TrainingSource:
        generator = torch.Generator().manual_seed(seed)
        class_id = np.repeat(np.arange(N_CLASSES), N_ROWS)
        means = torch.randn(N_CLASSES, 4, generator=generator)
        useful = means[class_id] + 0.3 * torch.randn(len(class_id), 4, generator=generator)
        noise = 2 * torch.randn(len(class_id), 4, generator=generator)
        x = torch.nn.functional.normalize(torch.cat([useful, noise], dim=1), dim=1)
        pools = {
            split: EpisodePool(
                name,
                tuple(f"c{each}" for each in members),
                np.where(np.isin(class_id, members), class_id - members[0], -1),
                split=split,
            )
            for split, members in {"meta_train": range(8), "meta_val": range(8, 12)}.items()
        }
        return TrainingSource({"text/note": x}, pools, {"text": "toy"})

    return build


@pytest.fixture
def spec() -> LearnerSpec:
    options = {"distance": "cosine", "scale": 5.0, "learn_scale": True}
    return LearnerSpec("prototypical", "columns", options, {"dims": {"text": 8}})


@pytest.fixture
def sizes() -> EpisodeSizes:
    return EpisodeSizes(n_way=3, k_shot=2, n_query=4)
