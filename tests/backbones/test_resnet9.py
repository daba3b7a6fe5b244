import pytest
import torch

from metafuse.backbones.resnet9 import ResNet9
from metafuse.errors import ConfigError


def test_default_is_nine_convolutions_and_one_place_of_256():
    backbone = ResNet9()
    kernels = [weight.shape[-1] for weight in backbone.parameters() if weight.ndim == 4 and weight.shape[-1] > 1]
    assert (sorted(kernels), backbone.dim) == ([3] * 8 + [5], 256)


@pytest.mark.parametrize(("image_size", "n_places"), [(7, 1), (11, 1), (15, 4), (24, 9)])
def test_stem_rounds_up_and_blocks_round_down(image_size, n_places):
    backbone = ResNet9(image_size=image_size, stem=2, widths=(2, 3))
    assert backbone.dim == 3 * n_places
    assert backbone(torch.zeros(2, 1, image_size, image_size)).shape == (2, 3 * n_places)


def test_stem_takes_every_second_place():
    backbone = ResNet9(image_size=4, stem=1, widths=(1,)).eval()
    block = backbone.blocks[0]
    with torch.no_grad():
        backbone.stem[0].weight.zero_()
        backbone.stem[0].weight[0, 0, 2, 2] = 1
        block.convolutions[1].weight.zero_()
        block.shortcut[0].weight.fill_(3)
    # The stem sees places (0, 0), (0, 2), (2, 0), (2, 2) = 0, 2, 8, 10; the shortcut triples the largest.
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    torch.testing.assert_close(backbone(image), torch.tensor([[30.0]]), rtol=1e-4, atol=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_size": 30}, "image_size of 31 pixels or more to halve 5 times, got 30"),
        ({"stem": 0}, "stem of at least 1, got 0"),
        ({"widths": []}, "widths of at least 1, got "),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        ResNet9(**options)
