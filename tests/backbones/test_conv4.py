import pytest
import torch
from torch import nn

from metafuse.backbones.conv4 import Conv4
from metafuse.errors import ConfigError, ShapeError


def reference(backbone):
    """Build the paper's order of layers with the same weights: pooling last."""
    layers = []
    for block in backbone.blocks:
        n_out, n_in = block.convolution.weight.shape[:2]
        convolution = nn.Conv2d(n_in, n_out, 3, padding=1, bias=False)
        convolution.weight = block.convolution.weight
        layers += [convolution, nn.BatchNorm2d(n_out), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten())


def test_embedding_equals_paper_order_of_layers():
    backbone = Conv4(channels=8, seed=2)
    items = torch.rand(5, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(backbone(items), reference(backbone)(items), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "dim"),
    [
        ({}, 64),
        ({"image_size": 84, "in_channels": 3}, 1600),
        ({"image_size": 84, "pooling": "mean"}, 64),
        ({"downsampling": "stride", "channels": 8}, 32),
        ({"downsampling": "stride", "image_size": 17, "channels": 8}, 32),
        ({"image_size": 31, "channels": 8}, 8),
    ],
)
def test_dim_follows_from_size(options, dim):
    backbone = Conv4(**options)
    assert backbone.dim == dim
    assert backbone(torch.zeros(2, backbone.in_channels, backbone.image_size, backbone.image_size)).shape == (2, dim)


def test_other_image_size_is_refused():
    with pytest.raises(ShapeError, match=r"\(n_items, channels=1, height=28, width=28\), got \(2, 1, 32, 32\)"):
        Conv4()(torch.zeros(2, 1, 32, 32))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_size": 15}, "image_size of 16 pixels or more to halve 4 times, got 15"),
        ({"channels": 0}, "channels of at least 1, got 0"),
        ({"downsampling": "mean"}, "'pool' or 'stride', got 'mean'"),
        ({"pooling": "max"}, "'flatten' or 'mean', got 'max'"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        Conv4(**options)
