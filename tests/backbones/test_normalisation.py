import pytest
import torch
from torch import nn

from metafuse.backbones.normalisation import BatchNorm
from metafuse.errors import ConfigError, ShapeError


def affine_pair(**options):
    generator = torch.Generator().manual_seed(3)
    ours, theirs = BatchNorm(4, **options).double(), nn.BatchNorm2d(4).double()
    with torch.no_grad():
        for name in ("weight", "bias"):
            values = torch.randn(4, generator=generator, dtype=torch.float64)
            getattr(ours, name).copy_(values)
            getattr(theirs, name).copy_(values)
    return ours, theirs, torch.randn(6, 4, 5, 3, generator=generator, dtype=torch.float64) * 3 + 2


@pytest.mark.parametrize("statistics", ["running", "batch"])
def test_training_equals_torch(statistics):
    ours, theirs, items = affine_pair(statistics=statistics)
    torch.testing.assert_close(ours(items), theirs(items))


def test_running_statistics_and_evaluation_equal_torch():
    ours, theirs, items = affine_pair()
    for shift in range(3):
        ours(items + shift), theirs(items + shift)
    torch.testing.assert_close(ours.running_mean, theirs.running_mean)
    torch.testing.assert_close(ours.running_var, theirs.running_var)
    torch.testing.assert_close(ours.eval()(items), theirs.eval()(items))


def test_gradients_equal_torch():
    ours, theirs, items = affine_pair(statistics="batch")
    weight = torch.linspace(-1, 2, items.numel(), dtype=torch.float64).view_as(items)
    grads = []
    for layer in (ours, theirs):
        inner = items.clone().requires_grad_()
        grads.append(torch.autograd.grad((layer(inner) * weight).sum(), [inner, layer.weight, layer.bias]))
    torch.testing.assert_close(grads[0], grads[1])


def test_batch_statistics_keep_no_buffers_and_hold_in_evaluation():
    ours, _, items = affine_pair(statistics="batch")
    assert list(ours.buffers()) == []
    torch.testing.assert_close(ours.eval()(items), ours.train()(items))


def test_masked_values_count_nowhere():
    ours, _, items = affine_pair()
    present = torch.ones(6, 1, 5, 3, dtype=torch.bool)
    present[:, :, 3:] = False
    spoiled = torch.where(present, items, torch.tensor(1e3, dtype=torch.float64))
    again, theirs, _ = affine_pair()
    torch.testing.assert_close(ours(spoiled, present)[:, :, :3], theirs(items[:, :, :3]))
    again(items[:, :, :3])
    torch.testing.assert_close(ours.running_mean, again.running_mean)
    torch.testing.assert_close(ours.running_var, again.running_var)


@pytest.mark.parametrize("statistics", ["running", "batch"])
def test_one_value_a_channel_is_refused(statistics):
    with pytest.raises(ShapeError, match=r"expected two values a channel or more .* got items of shape \(1, 4, 1, 1\)"):
        BatchNorm(4, statistics=statistics)(torch.zeros(1, 4, 1, 1))


def test_unknown_statistics_are_refused():
    with pytest.raises(ConfigError, match="'running' or 'batch', got 'layer'"):
        BatchNorm(4, statistics="layer")


def test_evaluation_with_running_statistics_takes_one_item():
    assert BatchNorm(4).eval()(torch.zeros(1, 4)).shape == (1, 4)
