"""Classes that share the way their items spread, and the classes of a training that can learn it."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from metafuse.episodes.batch import EpisodeBatch, Support

DIM = 6


@pytest.fixture(scope="session")
def spread() -> Tensor:
    """Covariance within every class: items spread along one oblique direction, and hardly along others."""
    direction = nn.functional.normalize(torch.tensor([1.0, 1.0, 0.0, 0.0, -1.0, 0.0]), dim=0)
    return 1.0 * torch.outer(direction, direction) + 0.02 * torch.eye(DIM)


@pytest.fixture(scope="session")
def gaussian_batch(spread) -> Callable[..., EpisodeBatch]:
    """Draw episodes of new classes, whose means lie anywhere."""

    def draw(seed: int, *, n_tasks: int = 8, n_way: int = 4, k_shot: int = 1, n_query: int = 10) -> EpisodeBatch:
        generator = torch.Generator().manual_seed(seed)
        half = torch.linalg.cholesky(spread)
        means = 2 * torch.randn(n_tasks, n_way, 1, DIM, generator=generator)
        rows = means + torch.randn(n_tasks, n_way, k_shot + n_query, DIM, generator=generator) @ half.T
        index = torch.arange(n_way).unsqueeze(1).expand(n_way, k_shot + n_query)
        support_class, query_class = (
            part.flatten().expand(n_tasks, -1) for part in (index[:, :k_shot], index[:, k_shot:])
        )
        support = Support(rows[:, :, :k_shot].flatten(1, 2), support_class, torch.ones(support_class.shape), n_way)
        return EpisodeBatch(support, rows[:, :, k_shot:].flatten(1, 2), query_class)

    return draw


@pytest.fixture(scope="session")
def identity() -> nn.Module:
    """Embed items as they are."""
    backbone = nn.Identity()
    backbone.dim = DIM
    return backbone


@pytest.fixture(scope="session")
def train(gaussian_batch) -> Callable[..., None]:
    def steps(learner: nn.Module, n_steps: int, outer_lr: float) -> None:
        optimiser = torch.optim.Adam([each for each in learner.parameters() if each.requires_grad], outer_lr)
        for step in range(n_steps):
            optimiser.zero_grad()
            learner.loss(gaussian_batch(step))[0].backward()
            optimiser.step()

    return steps


@pytest.fixture(scope="session")
def likeness(spread, gaussian_batch) -> Callable[..., float]:
    """Correlate the covariance of what a hallucinator adds to new classes with that of their items."""

    def correlate(hallucinator: nn.Module) -> float:
        batch = gaussian_batch(10_000)
        means = batch.support.items
        with torch.no_grad():
            extended = hallucinator.extend(means, batch.support, means, torch.Generator().manual_seed(1))
        added = extended.items[:, means.shape[1] :].unflatten(1, (means.shape[1], -1))
        added = added - added.mean(dim=2, keepdim=True)
        found = (added.mT @ added).mean(dim=(0, 1))
        return float(torch.corrcoef(torch.stack([found.flatten(), spread.flatten()]))[0, 1])

    return correlate
