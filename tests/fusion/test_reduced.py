import numpy as np
import pytest

from metafuse.features import Features
from metafuse.fusion.early import EarlyFusion
from metafuse.fusion.reduced import reduce_fusion
from metafuse.schema import Modality


def note(matrix):
    matrix = np.asarray(matrix, dtype=np.float32)
    return Features({"note": matrix}, {"note": matrix.any(axis=1)}, {"note": Modality.TEXT})


def uncentred(dim):
    return EarlyFusion({"note": 1.0}, {"note": np.zeros(dim, dtype=np.float32)})


@pytest.fixture
def three_directions(monkeypatch):
    """Keep three directions, of 20 rows in eight dimensions that lie in three of them."""
    monkeypatch.setattr("metafuse.fusion.reduced.MOST_DIMENSIONS", 3)
    generator = np.random.default_rng(0)
    return note(generator.standard_normal((20, 3)) @ generator.standard_normal((3, 8)))


def test_few_dimensions_are_left_alone():
    fusion = uncentred(4)
    assert reduce_fusion(fusion, note(np.eye(4)), seed=0) is fusion


def test_cosines_within_the_main_directions_are_kept(three_directions):
    fusion = uncentred(8)
    reduced = reduce_fusion(fusion, three_directions, seed=0)
    whole, short = fusion.forward(three_directions), reduced.forward(three_directions)
    assert short.shape == (20, 3)
    assert short.dtype == np.float32
    np.testing.assert_allclose(short @ short.T, whole @ whole.T, atol=1e-5)


def test_strongest_directions_are_kept(monkeypatch):
    monkeypatch.setattr("metafuse.fusion.reduced.MOST_DIMENSIONS", 2)
    rows = np.eye(4)[[0, 0, 0, 2, 2, 1]]
    reduced = reduce_fusion(uncentred(4), note(rows), seed=0)
    np.testing.assert_allclose(np.abs(reduced.basis), np.eye(4)[:, [0, 2]], atol=1e-6)


def test_row_without_the_columns_stays_zero(three_directions):
    reduced = reduce_fusion(uncentred(8), three_directions, seed=0)
    assert not reduced.forward(note(np.zeros((2, 8)))).any()


def test_large_source_is_sampled_by_seed(three_directions, monkeypatch):
    monkeypatch.setattr("metafuse.fusion.reduced.FIT_ROWS", 5)
    first, again, other = (reduce_fusion(uncentred(8), three_directions, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.basis, again.basis)
    assert (first.basis != other.basis).any()
