import pytest
import torch

from metafuse.errors import ConfigError
from metafuse.learners.generative.conditional_gan import ConditionalGanLearner


def build(identity, **options):
    return ConditionalGanLearner(identity, n_noise=3, hidden=32, **options)


def test_generated_features_learn_the_spread_within_classes(identity, train, likeness):
    learner = build(identity, adversarial_weight=3.0)
    train(learner, 200, 0.005)
    assert likeness(learner.hallucinator) > 0.7


def test_training_follows_the_seed(identity, train):
    first, second, other = (build(identity, seed=seed) for seed in (0, 0, 1))
    for learner in (first, second, other):
        train(learner, 3, 0.01)
    weights = [learner.hallucinator.generator.outer.weight for learner in (first, second, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_generator_and_discriminator_pull_against_each_other(gaussian_batch, identity):
    learner = build(identity)
    learner.loss(gaussian_batch(0))[0].backward()
    assert learner.hallucinator.generator.outer.weight.grad.abs().sum() > 0
    assert learner.discriminator.layers[0].weight.grad.abs().sum() > 0


def test_option_out_of_range_is_refused(identity):
    with pytest.raises(ConfigError, match="adversarial_weight: expected 0 or more"):
        build(identity, adversarial_weight=-1.0)
