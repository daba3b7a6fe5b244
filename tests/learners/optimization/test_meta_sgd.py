from torch import nn
from torch.testing import assert_close

from metafuse.learners.optimization.maml import maml
from metafuse.learners.optimization.meta_sgd import meta_sgd


def test_equal_rates_are_maml(backbones, double_batch):
    batch = double_batch("mlp")
    ours, plain = (build(backbones["mlp"](), inner_lr=0.3).double() for build in (meta_sgd, maml))
    assert_close(ours.loss(batch)[0], plain.loss(batch)[0])


def test_every_number_of_the_backbone_has_a_rate_and_classes_share_those_of_the_head(backbones):
    learner = meta_sgd(backbones["mlp"]())
    shapes = {name: tuple(rate.shape) for name, rate in learner.rule.rates.items()}
    assert shapes == {
        "backbone/layers/0/weight": (5, 6),
        "backbone/layers/0/bias": (5,),
        "backbone/layers/2/weight": (4, 5),
        "backbone/layers/2/bias": (4,),
        "head/weight": (1, 4),
        "head/bias": (1,),
    }


def test_head_over_a_backbone_of_no_fixed_length_has_one_rate():
    assert tuple(meta_sgd(nn.Identity()).rule.rates["head/weight"].shape) == (1, 1)


def test_rates_are_learned(backbones, double_batch, gradients_of):
    gradients = gradients_of(meta_sgd(backbones["mlp"](), inner_lr=0.3).double(), double_batch("mlp"))
    assert all(gradients[name].abs().sum() > 0 for name in gradients if name.startswith("rule.rates"))
