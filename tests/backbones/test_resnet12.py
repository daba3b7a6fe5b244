import pytest
import torch

from metafuse.backbones.resnet12 import ResNet12
from metafuse.errors import ConfigError


def test_default_is_twelve_convolutions_wide_640():
    backbone = ResNet12()
    kernels = [weight for weight in backbone.parameters() if weight.ndim == 4 and weight.shape[-1] == 3]
    assert (len(kernels), backbone.dim) == (12, 640)


def test_flatten_keeps_places():
    backbone = ResNet12(in_channels=1, image_size=9, widths=(2, 3), pooling="flatten")
    assert backbone.dim == 12
    assert backbone(torch.zeros(2, 1, 9, 9)).shape == (2, 12)


def test_block_adds_shortcut_before_the_last_leaky_relu():
    backbone = ResNet12(in_channels=1, image_size=2, widths=(1,)).eval()
    block = backbone.blocks[0]
    with torch.no_grad():
        block.convolutions[2].weight.zero_()
        block.shortcut[0].weight.fill_(-2)
    # The inner path gives 0; the largest of -2 x (1, 2, 3, 4) is -2, times 0.1 below zero.
    image = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    torch.testing.assert_close(backbone(image), torch.tensor([[-0.2]]), rtol=1e-4, atol=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_size": 15}, "image_size of 16 pixels or more to halve 4 times, got 15"),
        ({"widths": []}, "widths of at least 1, got "),
        ({"pooling": "max"}, "'flatten' or 'mean', got 'max'"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        ResNet12(**options)
