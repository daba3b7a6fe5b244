import pytest
import torch
from torch.testing import assert_close

from metafuse.errors import ConfigError
from metafuse.learners.optimization.maml import maml
from metafuse.learners.optimization.maml_plus_plus import maml_plus_plus


def test_last_step_alone_with_equal_rates_is_maml(backbones, double_batch):
    batch = double_batch("mlp")
    ours = maml_plus_plus(backbones["mlp"](), inner_lr=0.1, step_decay=0.0).double()
    assert_close(ours.loss(batch), maml(backbones["mlp"](), inner_lr=0.1).double().loss(batch), rtol=1e-5, atol=1e-5)


def test_loss_is_the_weighted_mean_of_the_losses_after_each_step(backbones, double_batch):
    batch = double_batch("mlp")
    learner = maml_plus_plus(backbones["mlp"](), inner_steps=3, inner_lr=0.3, step_decay=0.5).double()
    after = [maml(backbones["mlp"](), inner_steps=n, inner_lr=0.3).double().loss(batch)[0] for n in (1, 2, 3)]
    # 1/4, 1/2 and 1, divided by their sum.
    assert_close(learner.loss(batch)[0], (after[0] + 2 * after[1] + 4 * after[2]) / 7)


def test_each_step_and_tensor_has_its_rate(backbones, double_batch, gradients_of):
    learner = maml_plus_plus(backbones["mlp"](), inner_steps=3).double()
    assert {tuple(rate.shape) for rate in learner.rule.rates.values()} == {(3,)}
    with torch.no_grad():
        for rate in learner.rule.rates.values():
            rate[1:] = 0
    batch = double_batch("mlp")
    assert_close(learner.loss(batch)[1], maml(backbones["mlp"](), inner_steps=1).double().loss(batch)[1])


def test_step_decay_outside_its_range_is_named(backbones):
    with pytest.raises(ConfigError, match=r"step_decay: expected 0 .* to 1 .*, got 2.0"):
        maml_plus_plus(backbones["mlp"](), step_decay=2.0)
