import dataclasses

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from metafuse.episodes.batch import Support
from metafuse.errors import ConfigError
from metafuse.learners.metric.simple_cnaps import SimpleCnapsLearner


def covariance(rows):
    return np.cov(rows.T) if len(rows) > 1 else np.zeros((rows.shape[1],) * 2)


def reference_logits(support, class_index, query, beta=1.0):
    """Equations 2 to 4 of the paper as they stand, one class after the other."""
    task, columns = covariance(support), []
    for c in np.unique(class_index):
        rows = support[class_index == c]
        ratio = len(rows) / (len(rows) + 1)
        matrix = ratio * covariance(rows) + (1 - ratio) * task + beta * np.eye(support.shape[1])
        away = query - rows.mean(0)
        columns.append(-0.5 * np.einsum("qi,ij,qj->q", away, np.linalg.inv(matrix), away))
    return np.stack(columns, 1)


@pytest.mark.parametrize("shots", [[1, 1, 1], [2, 1, 3], [5, 9, 4]], ids=["one shot", "fewer than dim", "more"])
def test_logits_are_those_of_the_paper(shots, episode_batch):
    batch = episode_batch(shots, spread=1.0)
    learner = SimpleCnapsLearner(nn.Identity(), balance=False)
    logits = learner.logits(learner.adapt(batch.support), batch.query).detach()
    for task in range(2):
        support, query = batch.support.items[task].double().numpy(), batch.query[task].double().numpy()
        expected = reference_logits(support, batch.support.class_index[task].numpy(), query)
        np.testing.assert_allclose(logits[task], expected, rtol=1e-4, atol=1e-5)


def test_distances_to_means_of_few_items_are_shrunk(episode_batch):
    batch = episode_batch([1, 3], spread=1.0)
    balanced, plain = (
        learner.logits(learner.adapt(batch.support), batch.query)
        for learner in (SimpleCnapsLearner(nn.Identity(), balance=balance) for balance in (True, False))
    )
    assert_close(balanced, plain * torch.tensor([0.8, 1.2]))


@pytest.mark.parametrize(("k_shot", "length"), [(1, 1.0), (5, 1.0), (5, 30.0), (40, 30.0)])
def test_single_precision_suffices_in_384_dimensions(k_shot, length, episode_batch):
    batch = episode_batch([k_shot] * 10, n_tasks=1, dim=384, apart=length, spread=length / 384**0.5)
    learner = SimpleCnapsLearner(nn.Identity())
    logits = learner.logits(learner.adapt(batch.support), batch.query)[0].detach()
    support, query = batch.support.items[0].double().numpy(), batch.query[0].double().numpy()
    expected = reference_logits(support, batch.support.class_index[0].numpy(), query)
    np.testing.assert_allclose(logits, expected, rtol=1e-3)


def test_repeated_items_are_safe():
    items = torch.ones(1, 4, 6)
    learner = SimpleCnapsLearner(nn.Linear(6, 6))
    state = learner.adapt(Support(items, torch.tensor([[0, 0, 1, 1]]), torch.ones(1, 4), 2))
    logits = learner.logits(state, items)
    logits.sum().backward()
    assert logits.isfinite().all()
    assert learner.backbone.weight.grad.isfinite().all()


def test_weight_of_two_counts_as_two_items(episode_batch):
    batch = episode_batch([2, 3])
    support = batch.support
    doubled = dataclasses.replace(support, weight=2 * support.weight)
    twice = Support(torch.cat([support.items] * 2, 1), support.class_index.repeat(1, 2), support.weight.repeat(1, 2), 2)
    learner = SimpleCnapsLearner(nn.Identity())
    found, expected = (learner.logits(learner.adapt(each), batch.query) for each in (doubled, twice))
    assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_large_beta_leaves_nearest_prototype(episode_batch):
    batch = episode_batch([4, 4])
    learner = SimpleCnapsLearner(nn.Identity(), beta=1e4, scale=2e4)
    state = learner.adapt(batch.support)
    distances = torch.cdist(batch.query, state["prototypes"]).square()
    assert_close(learner.logits(state, batch.query).detach(), -distances, rtol=1e-3, atol=1e-3)


def test_beta_and_scale_are_trained_when_asked_for(episode_batch):
    learner = SimpleCnapsLearner(nn.Identity(), learn_scale=True)
    learner.loss(episode_batch([3, 3], spread=1.0))[0].backward()
    assert learner.log_beta.grad.item() != 0
    assert learner.log_scale.grad.item() != 0
    assert not any(parameter.requires_grad for parameter in SimpleCnapsLearner(nn.Identity()).parameters())


def test_beta_of_zero_is_refused():
    with pytest.raises(ConfigError, match="beta: expected a number over 0, got 0"):
        SimpleCnapsLearner(nn.Identity(), beta=0.0)
