"""Episodes in float64 and backbones small enough for finite differences."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from metafuse.backbones.conv4 import Conv4
from metafuse.backbones.mlp import Mlp
from metafuse.episodes.batch import EpisodeBatch, Support


class Features(nn.Identity):
    """Cached features."""

    dim = 6


@pytest.fixture(scope="session")
def backbones() -> dict[str, Callable[[], nn.Module]]:
    return {
        "conv4": lambda: Conv4(image_size=16, channels=4, statistics="batch").double(),
        "mlp": lambda: Mlp(in_features=6, hidden=(5,), dim=4).double(),
        "features": Features,
    }


@pytest.fixture(scope="session")
def double_batch() -> Callable[..., EpisodeBatch]:
    """Draw episodes of three classes around their centres: images for conv4, features else."""

    def draw(backbone: str, k_shot: int = 2, n_tasks: int = 2, n_query: int = 3) -> EpisodeBatch:
        generator = torch.Generator().manual_seed(0)
        shape = (1, 16, 16) if backbone == "conv4" else (6,)
        centres = torch.randn(n_tasks, 1, 3, *shape, generator=generator, dtype=torch.float64)
        items, classes = [], []
        for n in (k_shot, n_query):
            noise = torch.randn(n_tasks, n, 3, *shape, generator=generator, dtype=torch.float64)
            items.append((centres + 0.5 * noise).flatten(1, 2))
            classes.append((torch.arange(3 * n) % 3).repeat(n_tasks, 1))
        support = Support(items[0], classes[0], torch.ones(n_tasks, 3 * k_shot, dtype=torch.float64), 3)
        return EpisodeBatch(support, items[1], classes[1])

    return draw


@pytest.fixture(scope="session")
def gradients_of() -> Callable[..., dict[str, torch.Tensor]]:
    """Differentiate a learner's loss by its parameters."""

    def differentiate(learner: nn.Module, batch: EpisodeBatch) -> dict[str, torch.Tensor]:
        learner.zero_grad()
        learner.loss(batch)[0].backward()
        return {name: parameter.grad.clone() for name, parameter in learner.named_parameters()}

    return differentiate
