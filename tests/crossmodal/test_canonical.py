import numpy as np
import pytest

from metafuse.crossmodal.canonical import Scatter, find_canonical


def test_correlations_match_scikit_learn():
    from sklearn.cross_decomposition import CCA

    random = np.random.default_rng(0)
    shared = random.normal(size=(400, 2))
    x = np.concatenate([shared + random.normal(size=(400, 2)), random.normal(size=(400, 1))], axis=1)
    y = np.concatenate([shared + 0.5 * random.normal(size=(400, 2)), random.normal(size=(400, 2))], axis=1)
    one, other = CCA(2, max_iter=5000, tol=1e-12).fit(x, y).transform(x, y)
    expected = [np.corrcoef(one[:, place], other[:, place])[0, 1] for place in range(2)]
    found = find_canonical(Scatter.of(x), Scatter.of(y), 0.0, 0.0)
    assert found.correlations[:2] == pytest.approx(expected, abs=1e-4)


def test_variates_have_unit_variance_without_a_ridge():
    random = np.random.default_rng(1)
    x, y = random.normal(size=(100, 3)) * (1.0, 10.0, 0.1), random.normal(size=(100, 4))
    found = find_canonical(Scatter.of(x), Scatter.of(y), 0.0, 0.0)
    assert np.cov(x @ found.x, rowvar=False, bias=True) == pytest.approx(np.eye(3), abs=1e-8)


def test_direction_that_does_not_vary_is_left_out():
    x = np.random.default_rng(2).normal(size=(50, 3))
    x[:, 1] = 7.0
    assert Scatter.of(x).directions.shape == (3, 2)
