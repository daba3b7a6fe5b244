import numpy as np
import pytest

from metafuse.artifact import load_value, save_value
from metafuse.features import Features
from metafuse.fusion.bilinear import fit_products
from metafuse.fusion.blocks import fit_blocks, indicator
from metafuse.fusion.early import fit_early_fusion
from metafuse.fusion.gated import fit_gates
from metafuse.schema import Modality

FITS = {"gated": fit_gates, "bilinear": fit_products}


@pytest.fixture
def features():
    generator = np.random.default_rng(0)
    matrices = {
        "note": generator.standard_normal((40, 5)).astype(np.float32),
        "photo": generator.standard_normal((40, 3)).astype(np.float32),
    }
    present = {"note": np.ones(40, dtype=bool), "photo": np.arange(40) != 0}
    matrices["photo"][0] = 0
    return Features(matrices, present, {"note": Modality.TEXT, "photo": Modality.IMAGE})


@pytest.fixture
def rows():
    """Rows of two blocks; the class is the sign of a product of both, which no linear classifier sees."""
    generator = np.random.default_rng(1)
    x = generator.choice([-1.0, 1.0], (300, 2)) + 0.1 * generator.standard_normal((300, 2))
    x = (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)
    return x, np.eye(2, dtype=np.float32)[(x.prod(axis=1) > 0).astype(int)], np.ones(300, dtype=np.float32)


def test_blocks_stand_side_by_side(features):
    views = {name: fit_early_fusion(features, {name: 1.0}) for name in features.matrices}
    blocks = fit_blocks(views, {"note": 1.0, "photo": 0.25}, features, seed=0)
    assert blocks.widths == (5, 3)
    found = blocks.forward(features)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found[1:, 5:], axis=1), np.sqrt(0.2), atol=1e-5)
    assert not found[0, 5:].any()


def test_indicator_by_hand():
    np.testing.assert_array_equal(indicator([2, 1]), [[1, 1, 0], [0, 0, 1]])


@pytest.mark.parametrize("fit", FITS.values(), ids=FITS)
def test_untrained_head_is_the_linear_classifier(fit, rows, monkeypatch):
    monkeypatch.setattr("metafuse.fusion.block_training.N_STEPS", 0)
    x, targets, weight = rows
    start = np.random.default_rng(2).standard_normal((2, 2)).astype(np.float32)
    bias = np.array([0.5, -0.5], dtype=np.float32)
    head = fit(x, targets, weight, weight=start, bias=bias, widths=(1, 1), seed=0)
    np.testing.assert_allclose(head.logits(x), x @ start + bias, atol=1e-5)


@pytest.mark.parametrize("fit", FITS.values(), ids=FITS)
def test_same_seed_same_head_and_saved_alike(fit, rows, tmp_path):
    x, targets, weight = rows
    options = {"weight": np.eye(2, dtype=np.float32), "bias": np.zeros(2, dtype=np.float32), "widths": (1, 1)}
    first, second = (fit(x, targets, weight, **options, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.logits(x), second.logits(x))
    save_value(first, tmp_path, "head")
    np.testing.assert_array_equal(load_value(tmp_path, "head").logits(x), first.logits(x))


def test_products_see_what_no_linear_classifier_does(rows, monkeypatch):
    monkeypatch.setattr("metafuse.fusion.block_training.DROPOUT", 0.0)
    monkeypatch.setattr("metafuse.fusion.block_training.PENALTY", 0.0)
    x, targets, weight = rows
    head = fit_products(
        x, targets, weight, weight=np.zeros((2, 2), np.float32), bias=np.zeros(2, np.float32), widths=(1, 1), seed=0
    )
    assert (head.logits(x).argmax(axis=1) == targets.argmax(axis=1)).mean() > 0.95
