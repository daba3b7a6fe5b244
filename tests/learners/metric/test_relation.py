import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from metafuse.errors import ConfigError
from metafuse.learners.metric import relation
from metafuse.learners.metric.prototypical_network import PrototypicalNetworkLearner
from metafuse.learners.metric.relation import RelationNetworkLearner


def logits_of(learner, batch):
    return learner.logits(learner.adapt(batch.support), batch.query).detach()


def with_relation(seed=0):
    learner = RelationNetworkLearner(nn.Identity(), hidden=3)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in (learner.bias, learner.outward):
            parameter.copy_(torch.randn(3, generator=generator))
    return learner


def test_starts_as_cosine_prototypes(episode_batch):
    batch = episode_batch([3, 2, 4])
    prototypes = PrototypicalNetworkLearner(nn.Identity(), distance="cosine", scale=10.0)
    assert_close(logits_of(RelationNetworkLearner(nn.Identity()), batch), logits_of(prototypes, batch))


def test_relation_is_a_small_network_over_pairs_of_coordinates():
    learner = with_relation()
    inward, bias, outward = (each.detach().numpy() for each in (learner.inward, learner.bias, learner.outward))
    x, p = np.array([0.6, 0.8]), np.array([1.0, 0.0])
    pairs = np.stack([np.abs(x - p) * 2**0.5, x * p * 2], 1)
    expected = (np.maximum(pairs @ inward + bias, 0) @ outward).mean()
    found = learner.relation(*(torch.from_numpy(each[None, None]).float() for each in (x, p)))
    np.testing.assert_allclose(found.detach()[0, 0, 0], expected, rtol=1e-5)


def test_comparing_in_pieces_changes_nothing(episode_batch, monkeypatch):
    learner, batch = with_relation(), episode_batch([3, 3, 3], n_query=5)
    whole = logits_of(learner, batch)
    monkeypatch.setattr(relation, "CHUNK", {"cpu": 4 * 2 * 3 * 8, "other": 1})
    assert_close(logits_of(learner, batch), whole)


def test_relation_alone_learns_what_the_cosine_cannot_tell(episode_batch):
    batch = episode_batch([5, 5, 5], n_tasks=4, spread=1.5)
    learner = RelationNetworkLearner(nn.Identity())
    start = learner.loss(batch)[0].item()
    optimiser = torch.optim.Adam([learner.inward, learner.bias, learner.outward], lr=0.05)
    for _ in range(30):
        optimiser.zero_grad()
        learner.loss(batch)[0].backward()
        optimiser.step()
    assert learner.loss(batch)[0].item() < start - 0.01


def test_seed_draws_the_hidden_layer():
    first, same, other = (RelationNetworkLearner(nn.Identity(), seed=seed).inward for seed in (0, 0, 1))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_no_hidden_unit_is_refused():
    with pytest.raises(ConfigError, match="hidden: expected 1 unit or more, got 0"):
        RelationNetworkLearner(nn.Identity(), hidden=0)
