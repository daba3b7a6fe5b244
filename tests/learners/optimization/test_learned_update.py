import pytest
import torch
from torch.testing import assert_close

from metafuse.errors import ConfigError
from metafuse.learners.optimization.learned_update import learned_update
from metafuse.learners.optimization.maml import maml


def test_rule_starts_as_gradient_descent(backbones, double_batch):
    batch = double_batch("mlp")
    ours, plain = (build(backbones["mlp"](), inner_lr=0.3).double() for build in (learned_update, maml))
    assert_close(ours.loss(batch), plain.loss(batch))


def test_network_gets_a_gradient_at_its_start_and_lowers_the_loss(backbones, double_batch):
    learner, batch = learned_update(backbones["mlp"](), inner_steps=3, inner_lr=0.05).double(), double_batch("mlp")
    optimiser = torch.optim.Adam(learner.rule.parameters(), lr=0.05)
    losses = []
    for _ in range(20):
        optimiser.zero_grad()
        loss = learner.loss(batch)[0]
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert learner.rule.outward.abs().sum() > 0
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize("options", [{"hidden": 0}, {"decay": 1.0}])
def test_wrong_option_is_named(options, backbones):
    with pytest.raises(ConfigError, match="expected hidden of at least 1 and decay from 0 to below 1"):
        learned_update(backbones["mlp"](), **options)
