import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from torch.testing import assert_close

from metafuse.errors import ConfigError
from metafuse.learners.generative.adversarial_head import AdversarialHeadLearner, describe_heads, fit_ridge_heads
from metafuse.learners.generative.head_writer import view_support
from metafuse.learners.generative.hypernetwork import HypernetworkLearner
from metafuse.learners.generative.noise import draw_mirrored


def test_start_is_the_imprinted_head(gaussian_batch, identity):
    batch = gaussian_batch(0)
    expected = HypernetworkLearner(identity).loss(batch)[1]
    assert_close(AdversarialHeadLearner(identity).loss(batch)[1], expected)


def test_real_head_is_that_of_ridge_regression(episode_batch):
    batch = episode_batch([2, 2, 2], n_query=3, n_tasks=1, spread=1.0)
    view = view_support(batch.support.items, batch.support)
    query = torch.nn.functional.normalize(batch.query, dim=-1)
    rows = torch.cat([view.items, query], dim=1)[0].numpy()
    classes = torch.cat([batch.support.class_index, batch.query_class_index], dim=1)[0].numpy()
    targets = np.eye(3)[classes]
    expected = Ridge(alpha=0.5, fit_intercept=False).fit(rows, targets - targets.mean(axis=0)).coef_
    found = fit_ridge_heads(view, query, batch, 0.5)[0]
    assert_close(found, torch.from_numpy(expected).float(), rtol=1e-3, atol=1e-4)


def test_description_is_free_of_size_and_common_shift(episode_batch):
    batch = episode_batch([2, 2, 2])
    view = view_support(batch.support.items, batch.support)
    weight = torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(0))
    said = describe_heads(weight, view)
    assert_close(describe_heads(3 * weight + 1, view), said, rtol=1e-3, atol=1e-4)
    assert_close(said.square().mean(dim=(1, 2)), torch.ones(2))


def test_generator_is_moved_by_the_game_alone(gaussian_batch, identity):
    learner = AdversarialHeadLearner(identity)
    loss, logits = learner.loss(gaussian_batch(0))
    task = torch.nn.functional.cross_entropy(logits.flatten(0, 1), gaussian_batch(0).query_class_index.flatten())
    (gradient,) = torch.autograd.grad(loss - task, learner.writer.outer.weight)
    assert gradient.abs().sum() > 0


def test_state_holds_the_mean_of_heads_that_differ(gaussian_batch, identity, train):
    learner = AdversarialHeadLearner(identity, n_draws=2, n_noise=4)
    train(learner, 5, 0.01)
    support = gaussian_batch(1).support
    view, noise = view_support(support.items, support), draw_mirrored(2, 4, seed=0)
    one, other = (learner.writer(view, learner.log_scale.exp(), each.expand(8, -1)).weight for each in noise)
    assert not torch.allclose(one, other)
    assert_close(learner.adapt(support)["weight"], (one + other) / 2)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"n_draws": 0}, "n_draws, n_noise and hidden of 1 or more"),
        ({"scale": 0.0}, "scale: expected a number over 0"),
        ({"adversarial_weight": -1.0}, "adversarial_weight: expected 0 or more"),
    ],
)
def test_option_out_of_range_is_refused(options, fault, identity):
    with pytest.raises(ConfigError, match=fault):
        AdversarialHeadLearner(identity, **options)
