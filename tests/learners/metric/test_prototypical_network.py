import dataclasses

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestCentroid
from torch import nn
from torch.testing import assert_close

from metafuse.episodes.batch import EpisodeBatch, Support
from metafuse.errors import ConfigError, EpisodeError
from metafuse.learners.metric.prototypical_network import PrototypicalNetworkLearner


def test_euclidean_logits_are_negative_squared_distances_to_the_means():
    # Means (2, 0) and (0, 1); the query (1, 1) is at squared distance 2 and 1.
    items = torch.tensor([[[1.0, 0.0], [3.0, 0.0], [0.0, 1.0]]])
    support = Support(items, torch.tensor([[0, 0, 1]]), torch.ones(1, 3), 2)
    learner = PrototypicalNetworkLearner(nn.Identity(), scale=3.0)
    logits = learner.logits(learner.adapt(support), torch.tensor([[[1.0, 1.0]]]))
    assert_close(logits.detach(), torch.tensor([[[-6.0, -3.0]]]))


def test_prototype_is_the_weighted_mean():
    support = Support(torch.tensor([[[0.0], [4.0], [9.0]]]), torch.tensor([[0, 0, 1]]), torch.tensor([[1, 0.25, 1]]), 2)
    prototypes = PrototypicalNetworkLearner(nn.Identity()).adapt(support)["prototypes"]
    assert_close(prototypes, torch.tensor([[[0.8], [9.0]]]))


def test_euclidean_predictions_are_those_of_nearest_centroid(episode_batch):
    batch = episode_batch([3, 5, 4], n_query=20, n_tasks=1, spread=1.5)
    learner = PrototypicalNetworkLearner(nn.Identity())
    logits = learner.logits(learner.adapt(batch.support), batch.query)[0]
    reference = NearestCentroid().fit(batch.support.items[0].numpy(), batch.support.class_index[0].numpy())
    np.testing.assert_array_equal(logits.argmax(-1).numpy(), reference.predict(batch.query[0].numpy()))


def test_cosine_logits_do_not_depend_on_length(episode_batch):
    batch = episode_batch([3, 3])
    learner = PrototypicalNetworkLearner(nn.Identity(), distance="cosine", scale=10.0)
    logits = learner.logits(learner.adapt(batch.support), batch.query)
    longer = dataclasses.replace(batch.support, items=7 * batch.support.items)
    assert_close(learner.logits(learner.adapt(longer), 0.1 * batch.query), logits)
    assert logits.abs().max() <= 10


def test_scale_is_trained_when_asked_for():
    assert not PrototypicalNetworkLearner(nn.Identity()).log_scale.requires_grad
    assert PrototypicalNetworkLearner(nn.Identity(), learn_scale=True).log_scale.requires_grad


def test_in_turns_each_item_is_the_only_support_item_of_its_class_once():
    # Items 0 and 2 of one class, 1 and 5 of the other, in any order. With 0 and 1 as support, 2 is at squared distance
    # 4 and 1, 5 at 25 and 16; with 2 and 5 as support, 0 is at 4 and 25, 1 at 1 and 16: margins of -3, 9, 21 and -15.
    support = Support(torch.tensor([[[1.0], [0.0]]]), torch.tensor([[1, 0]]), torch.ones(1, 2), 2)
    batch = EpisodeBatch(support, torch.tensor([[[2.0], [5.0]]]), torch.tensor([[0, 1]]))
    loss, logits = PrototypicalNetworkLearner(nn.Identity(), turns=True).loss(batch)
    expected = np.mean([np.log1p(np.exp(-margin)) for margin in (-3, 9, 21, -15)])
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    assert_close(logits.detach(), torch.tensor([[[-4.0, -1.0], [-25.0, -16.0]]]))


def test_turns_of_one_episode_do_not_see_those_of_another(episode_batch):
    batch = episode_batch([2, 2, 2], n_query=3, n_tasks=2)
    learner = PrototypicalNetworkLearner(nn.Identity(), distance="cosine", turns=True)
    alone = [
        learner.loss(
            EpisodeBatch(
                Support(
                    batch.support.items[task : task + 1], batch.support.class_index[task : task + 1],
                    batch.support.weight[task : task + 1], 3,
                ),
                batch.query[task : task + 1], batch.query_class_index[task : task + 1],
            )
        )[0]
        for task in range(2)
    ]  # fmt: skip
    assert_close(learner.loss(batch)[0], torch.stack(alone).mean())


def test_turns_refuse_classes_of_different_size(episode_batch):
    with pytest.raises(EpisodeError, match="equally many items of each of the 2 classes"):
        PrototypicalNetworkLearner(nn.Identity(), turns=True).loss(episode_batch([2, 3]))


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_mixed_precision_leaves_distances_exact(episode_batch, distance):
    batch = episode_batch([3, 3])
    learner = PrototypicalNetworkLearner(nn.Identity(), distance=distance)
    with torch.autocast("cpu", torch.bfloat16):
        _, logits = learner.loss(batch)
    assert torch.equal(logits, learner.loss(batch)[1])


def test_unknown_distance_and_scale_of_zero_are_refused():
    with pytest.raises(ConfigError, match="distance 'manhattan' is not known"):
        PrototypicalNetworkLearner(nn.Identity(), distance="manhattan")
    with pytest.raises(ConfigError, match="scale: expected a number over 0, got 0"):
        PrototypicalNetworkLearner(nn.Identity(), scale=0.0)
