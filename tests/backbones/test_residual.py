import pytest
import torch

from metafuse.backbones.residual import ResidualBlock


@pytest.mark.parametrize("n_convolutions", [2, 3])
def test_inner_path_has_as_many_convolutions_as_asked_for(n_convolutions):
    block = ResidualBlock(
        2, 5, n_convolutions=n_convolutions, statistics="running", generator=torch.Generator().manual_seed(0)
    )
    assert [tuple(layer.weight.shape[:2]) for layer in block.convolutions] == [(5, 2)] + [(5, 5)] * (n_convolutions - 1)
    assert block(torch.rand(3, 2, 7, 6)).shape == (3, 5, 3, 3)


def test_inner_path_is_added_to_the_shortcut_before_pooling():
    block = ResidualBlock(1, 1, n_convolutions=2, statistics="running", generator=torch.Generator()).eval()
    with torch.no_grad():
        for layer, middle in zip(block.convolutions, (-1.0, 5.0), strict=True):
            layer.weight.zero_()
            layer.weight[0, 0, 1, 1] = middle
        block.shortcut[0].weight.fill_(1)
    # Inner: -x, LeakyReLU(0.1) of it, times 5 = -0.5 x above zero and -5 x below; sum with x is 0.5 x and -4 x.
    images = torch.tensor([[[[1.0, 2.0], [3.0, -1.0]]]])
    torch.testing.assert_close(block(images), torch.tensor([[[[4.0]]]]), rtol=1e-4, atol=0)
