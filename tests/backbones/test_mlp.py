import pytest
import torch

from metafuse.backbones.mlp import Mlp
from metafuse.errors import ConfigError, ShapeError


def test_without_hidden_layers_is_linear():
    backbone = Mlp(in_features=3, hidden=(), dim=2)
    (layer,) = backbone.layers
    items = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(backbone(items), items @ layer.weight.T)


def test_first_weights_have_he_variance():
    weight = Mlp(in_features=200, hidden=(400,)).layers[0].weight
    # Variance 2 / 200 over 80,000 draws: the standard error of the deviation is 0.25 %.
    assert weight.std().item() == pytest.approx(0.1, rel=0.01)


def test_other_length_is_refused():
    with pytest.raises(ShapeError, match=r"\(n_items, features=3\), got \(5, 4\)"):
        Mlp(in_features=3)(torch.zeros(5, 4))


def test_empty_width_is_refused():
    with pytest.raises(ConfigError, match=r"hidden of at least 1, got \[4, 0\]"):
        Mlp(in_features=3, hidden=[4, 0])
