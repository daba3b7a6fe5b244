import dataclasses

import pytest
import torch
from pytorch_metric_learning import losses, miners
from torch import nn
from torch.testing import assert_close

from metafuse.episodes.batch import EpisodeBatch, Support
from metafuse.errors import ConfigError
from metafuse.learners import EPISODIC
from metafuse.learners.metric.metric_losses import LOSSES, MINERS, MetricLossLearner
from metafuse.learners.metric.prototypical_network import PrototypicalNetworkLearner

REFERENCES = {
    "triplet": (losses.TripletMarginLoss(margin=0.2), miners.BatchHardMiner()),
    "contrastive": (losses.ContrastiveLoss(pos_margin=0, neg_margin=1), miners.MultiSimilarityMiner()),
    "supervised_contrastive": (losses.SupConLoss(temperature=0.1), lambda *_: None),
}
"""Each entry of the registry: its loss and miner."""


@pytest.fixture
def loss_of():
    return lambda name, batch, **options: EPISODIC.build(name, nn.Identity(), **options).loss(batch)[0]


@pytest.mark.parametrize("name", REFERENCES)
def test_loss_is_that_of_the_library_over_support_and_query(name, loss_of, episode_batch):
    batch = episode_batch([2, 3, 2], n_tasks=1, spread=1.0)
    items = torch.cat([batch.support.items[0], batch.query[0]])
    classes = torch.cat([batch.support.class_index[0], batch.query_class_index[0]])
    loss, miner = REFERENCES[name]
    expected = loss(items, classes, miner(items, classes))
    assert expected > 0
    assert_close(loss_of(name, batch), expected)


@pytest.mark.parametrize("name", REFERENCES)
def test_episodes_are_not_compared_with_each_other(name, loss_of, episode_batch):
    # In the second task class 0 lies where class 1 of the first does.
    batches = [episode_batch([2, 2], n_tasks=1, spread=1.0, seed=seed) for seed in (0, 1)]
    supports = [batch.support for batch in batches]
    both = EpisodeBatch(
        Support(*(torch.cat([getattr(s, field) for s in supports]) for field in ("items", "class_index", "weight")), 2),
        torch.cat([batch.query for batch in batches]),
        torch.cat([batch.query_class_index for batch in batches]),
    )
    assert_close(loss_of(name, both), sum(loss_of(name, batch) for batch in batches) / 2)


@pytest.mark.parametrize("name", REFERENCES)
def test_padding_and_items_of_no_weight_are_left_out(name, loss_of, episode_batch):
    batch = episode_batch([2, 2], n_tasks=1, spread=1.0)
    support, far = batch.support, torch.full((1, 2, 8), -5.0)
    more = dataclasses.replace(
        batch,
        support=Support(
            torch.cat([support.items, far], 1),
            torch.cat([support.class_index, torch.tensor([[-1, 1]])], 1),
            torch.cat([support.weight, torch.zeros(1, 2)], 1),
            2,
        ),
        query=torch.cat([batch.query, far], 1),
        query_class_index=torch.cat([batch.query_class_index, torch.tensor([[-1, -1]])], 1),
    )
    assert_close(loss_of(name, more), loss_of(name, batch))


def test_triplet_by_hand(loss_of):
    # Class 0 at angles 0 and 60 degrees, 1 apart; class 1 at 180 degrees, 2 and 3**0.5 from them, without a positive.
    # With a margin of 1.2 the triplets miss by 1 - 2 + 1.2 and 1 - 3**0.5 + 1.2.
    items = torch.tensor([[[1.0, 0.0], [0.5, 0.75**0.5]]])
    support = Support(items, torch.tensor([[0, 0]]), torch.ones(1, 2), 2)
    batch = EpisodeBatch(support, torch.tensor([[[-3.0, 0.0]]]), torch.tensor([[1]]))
    assert loss_of("triplet", batch, margin=1.2).item() == pytest.approx((0.2 + 2.2 - 3**0.5) / 2, abs=1e-5)


@pytest.mark.parametrize("name", REFERENCES)
@pytest.mark.parametrize("miner", MINERS)
def test_nothing_mined_gives_finite_gradients(name, miner, episode_batch):
    learner = EPISODIC.build(name, nn.Linear(8, 8), miner=miner)
    one_class = episode_batch([2], n_tasks=1)
    learner.loss(one_class)[0].backward()
    assert learner.backbone.weight.grad.isfinite().all()


@pytest.mark.parametrize("name", REFERENCES)
def test_classifies_by_cosine_to_prototypes(name, episode_batch):
    batch = episode_batch([3, 2, 4])
    learner = EPISODIC.build(name, nn.Identity())
    reference = PrototypicalNetworkLearner(nn.Identity(), distance="cosine", scale=10.0)
    assert_close(learner.loss(batch)[1], reference.loss(batch)[1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "quadruplet"}, f"loss 'quadruplet' is not known. Use one of {', '.join(LOSSES)}"),
        ({"loss": "triplet", "miner": "gold"}, f"miner 'gold' is not known. Use one of {', '.join(MINERS)}"),
        ({"loss": "triplet", "margin": 0.0}, "margin: expected a number over 0, got 0"),
        ({"loss": "supervised_contrastive", "temperature": -1.0}, "temperature: expected a number over 0, got -1"),
    ],
)
def test_bad_option_is_refused_in_words(options, message):
    with pytest.raises(ConfigError, match=message):
        MetricLossLearner(nn.Identity(), **options)
