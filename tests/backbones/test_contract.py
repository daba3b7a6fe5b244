"""What every registered backbone must do."""

import json

import pytest
import torch

from metafuse.backbones import BACKBONES
from metafuse.backbones.base import Backbone
from metafuse.errors import ShapeError

CASES = {
    "cnn1d": ({"in_channels": 2, "widths": [4, 6], "kernels": [8, 3]}, (2, 11)),
    "conv4": ({"image_size": 19, "channels": 5}, (1, 19, 19)),
    "mlp": ({"in_features": 7, "hidden": [9], "dim": 5, "statistics": "running"}, (7,)),
    "resnet9": ({"in_channels": 1, "image_size": 20, "widths": [4, 6]}, (1, 20, 20)),
    "resnet12": ({"in_channels": 3, "image_size": 13, "widths": [4, 6]}, (3, 13, 13)),
}


def build(name, **options):
    return BACKBONES.build(name, **json.loads(json.dumps(CASES[name][0])), **options)


def draw(name, n_items=6):
    return torch.randn(n_items, *CASES[name][1], generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", CASES)
def test_embedding_has_dim(name):
    backbone = build(name)
    assert isinstance(backbone, Backbone)
    assert backbone(draw(name)).shape == (6, backbone.dim)


@pytest.mark.parametrize("name", CASES)
def test_same_seed_gives_same_weights_and_leaves_global_draws_alone(name):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, second, other = build(name, seed=4), build(name, seed=4), build(name, seed=5)
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_evaluation_embeds_each_item_by_itself(name):
    backbone, items = build(name), draw(name)
    backbone(items)
    backbone.eval()
    torch.testing.assert_close(backbone(items)[:1], backbone(items[:1]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_every_weight_gets_a_gradient(name):
    backbone = build(name)
    (backbone(draw(name)) ** 2).sum().backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in backbone.parameters())


@pytest.mark.parametrize("name", CASES)
def test_state_restores_the_embedding(name):
    backbone, other = build(name, seed=1), build(name, seed=2)
    backbone(draw(name))
    other.load_state_dict(backbone.state_dict())
    assert torch.equal(backbone.eval()(draw(name)), other.eval()(draw(name)))


@pytest.mark.parametrize("name", CASES)
def test_wrong_shape_is_named(name):
    with pytest.raises(ShapeError, match=rf"{name}: expected items of shape \(n_items, .*got \(6, 1, 2, 3, 4\)"):
        build(name)(torch.zeros(6, 1, 2, 3, 4))


@pytest.mark.parametrize("name", CASES)
def test_whole_numbers_are_refused(name):
    with pytest.raises(ShapeError, match=r"floating point items, got torch.uint8. Convert and scale"):
        build(name)(draw(name).to(torch.uint8))


def test_every_backbone_of_one_tensor_is_tested():
    assert sorted([*CASES, "columns", "column_tokens"]) == BACKBONES.names()
