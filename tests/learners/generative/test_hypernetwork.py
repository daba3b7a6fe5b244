import pytest
import torch
from torch.testing import assert_close

from metafuse.errors import ConfigError
from metafuse.learners.episodic import query_loss
from metafuse.learners.generative.hypernetwork import HypernetworkLearner
from metafuse.learners.metric.prototypical_network import PrototypicalNetworkLearner


def test_start_is_nearest_imprinted_prototype(gaussian_batch, identity):
    # With one item a class its unit vector is the prototype, as in a prototypical network of cosines.
    batch = gaussian_batch(0)
    expected = PrototypicalNetworkLearner(identity, distance="cosine", scale=10.0).loss(batch)[1]
    assert_close(HypernetworkLearner(identity).loss(batch)[1], expected, rtol=1e-4, atol=1e-4)


def test_training_betters_the_head(gaussian_batch, identity, train):
    learner = HypernetworkLearner(identity)
    batch = gaussian_batch(10_000, n_tasks=50)
    before = query_loss(learner.loss(batch)[1], batch)
    train(learner, 60, 0.01)
    assert query_loss(learner.loss(batch)[1], batch) < 0.9 * before


def test_head_does_not_grow_with_the_number_of_classes(gaussian_batch, identity):
    learner = HypernetworkLearner(identity)
    with torch.no_grad():
        learner.writer.outer.weight.fill_(0.05)
    few, many = (learner.adapt(gaussian_batch(1, n_way=n_way).support)["weight"] for n_way in (4, 100))
    assert many.norm(dim=-1).mean() < 1.5 * few.norm(dim=-1).mean()


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"hidden": 0}, "hidden and n_rounds of 1 or more"),
        ({"n_rounds": 0}, "hidden and n_rounds of 1 or more"),
        ({"scale": 0.0}, "scale: expected a number over 0"),
    ],
)
def test_option_out_of_range_is_refused(options, fault, identity):
    with pytest.raises(ConfigError, match=fault):
        HypernetworkLearner(identity, **options)
