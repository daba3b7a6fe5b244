import pytest
import torch

from metafuse.errors import ConfigError
from metafuse.learners.generative.conditional_vae import NOISE_SHARE, ConditionalVaeLearner


def build(identity, **options):
    return ConditionalVaeLearner(identity, n_noise=3, hidden=32, **options)


def test_generated_features_learn_the_spread_within_classes(identity, train, likeness):
    learner = build(identity, elbo_weight=5.0)
    train(learner, 150, 0.01)
    assert likeness(learner.hallucinator) > 0.9


def test_training_follows_the_seed(identity, train):
    first, second, other = (build(identity, seed=seed) for seed in (0, 0, 1))
    for learner in (first, second, other):
        train(learner, 3, 0.01)
    weights = [learner.hallucinator.generator.outer.weight for learner in (first, second, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_elbo_of_a_generator_that_adds_nothing_is_that_of_the_noise(gaussian_batch, identity):
    # Nothing explained: the missed squares are the whole spread, 1 / (2 * share) a coordinate, and the KL comes on top.
    batch, learner = gaussian_batch(0), build(identity, elbo_weight=2.0)
    with torch.no_grad():
        learner.encoder[2].weight.zero_()
    loss, logits = learner.loss(batch)
    task = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch.query_class_index.flatten())
    assert (loss - task).item() == pytest.approx(2 / (2 * NOISE_SHARE), rel=1e-4)


def test_option_out_of_range_is_refused(identity):
    with pytest.raises(ConfigError, match="elbo_weight: expected 0 or more"):
        build(identity, elbo_weight=-1.0)
