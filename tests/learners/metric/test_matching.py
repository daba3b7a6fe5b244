import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from metafuse.episodes.batch import Support
from metafuse.learners.metric.matching import MatchingNetworkLearner


@pytest.mark.parametrize("balance", [False, True])
def test_probability_is_the_attention_of_a_class(balance):
    # Cosines of the query (1, 0) with the items: 1 and 0.6 (class 0), 0 (class 1), 1 (class 1, weight 0.5).
    items = torch.tensor([[[2.0, 0.0], [3.0, 4.0], [0.0, 1.0], [1.0, 0.0]]])
    support = Support(items, torch.tensor([[0, 0, 1, 1]]), torch.tensor([[1, 1, 1, 0.5]]), 2)
    learner = MatchingNetworkLearner(nn.Identity(), scale=2.0, balance=balance)
    logits = learner.logits(learner.adapt(support), torch.tensor([[[5.0, 0.0]]])).detach()
    mass = np.array([np.exp(2.0) + np.exp(1.2), np.exp(0.0) + 0.5 * np.exp(2.0)])
    mass /= np.array([2, 1.5]) if balance else 1
    np.testing.assert_allclose(logits[0, 0].exp(), mass / mass.sum(), rtol=1e-5)


def test_with_one_item_a_class_logits_are_scaled_cosines(episode_batch):
    batch = episode_batch([1, 1, 1])
    learner = MatchingNetworkLearner(nn.Identity(), scale=10.0)
    logits = learner.logits(learner.adapt(batch.support), batch.query).detach()
    cosines = nn.functional.cosine_similarity(batch.query.unsqueeze(2), batch.support.items.unsqueeze(1), dim=-1)
    assert_close(logits, (10 * cosines).log_softmax(-1))


def test_item_of_two_halves_counts_once(episode_batch):
    support, query = episode_batch([2, 3]).support, episode_batch([2, 3]).query
    halves = Support(
        torch.cat([support.items] * 2, 1), support.class_index.repeat(1, 2), support.weight.repeat(1, 2) / 2, 2
    )
    learner = MatchingNetworkLearner(nn.Identity())
    assert_close(learner.logits(learner.adapt(halves), query), learner.logits(learner.adapt(support), query))


def test_class_far_away_keeps_its_gradient():
    query = torch.tensor([[[1.0, 0.1]]], requires_grad=True)
    support = Support(torch.tensor([[[1.0, 0.0], [-1.0, 0.0]]]), torch.tensor([[0, 1]]), torch.ones(1, 2), 2)
    learner = MatchingNetworkLearner(nn.Identity(), scale=1000.0)
    logits = learner.logits(learner.adapt(support), query)
    logits[0, 0, 1].backward()
    assert -2001 < logits[0, 0, 1].item() < -1980
    assert query.grad.abs().sum() > 10
