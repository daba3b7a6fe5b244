import pytest
import torch

from metafuse.backbones.cnn1d import Cnn1d
from metafuse.errors import ConfigError, ShapeError


def series(length, seed=0):
    return torch.randn(4, 2, length, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("length", [1, 2, 7, 30])
def test_any_length_is_embedded(length):
    backbone = Cnn1d(in_channels=2, widths=(4, 6, 5))
    assert backbone(series(length)).shape == (4, 5)


@pytest.mark.parametrize("training", [True, False])
def test_padding_with_nan_changes_nothing(training):
    backbone = Cnn1d(in_channels=2, widths=(4, 6, 5)).train(training)
    plain = series(9)
    padded = torch.cat([plain, torch.full((4, 2, 5), torch.nan)], dim=2)
    torch.testing.assert_close(backbone(plain), backbone(padded), rtol=1e-4, atol=1e-5)


def test_series_without_values_embeds_to_zero():
    backbone = Cnn1d(in_channels=2, widths=(4, 5), kernels=(3, 3))
    items = series(6)
    items[1] = torch.nan
    embedding = backbone(items)
    assert torch.equal(embedding[1], torch.zeros(5))
    assert embedding.isfinite().all()


def test_step_with_one_of_two_values_counts():
    backbone = Cnn1d(in_channels=2, widths=(5,), kernels=(1,)).eval()
    items = series(3)
    items[0, 1, 2] = torch.nan
    filled = items.nan_to_num(nan=0.0)
    torch.testing.assert_close(backbone(items), backbone(filled))


def test_gradients_stay_finite_beside_nan():
    backbone = Cnn1d(in_channels=2, widths=(5, 4), kernels=(3, 3))
    items = series(6)
    items[0, :, 4:] = torch.nan
    backbone(items).square().sum().backward()
    assert all(weight.grad.isfinite().all() for weight in backbone.parameters())


def test_other_channel_count_is_refused():
    with pytest.raises(ShapeError, match=r"\(n_items, channels=3, length\), got \(4, 2, 6\)"):
        Cnn1d(in_channels=3)(series(6))


def test_one_kernel_a_block_is_demanded():
    with pytest.raises(ConfigError, match="one kernel a block, got 2 widths and 3 kernels"):
        Cnn1d(widths=(4, 4))
