import numpy as np
import pytest
from sklearn.covariance import shrunk_covariance
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from metafuse.learners.gaussian import LEAST_VARIANCE, discriminant, fit_gaussian
from metafuse.learners.linear import softmax


@pytest.fixture
def rows():
    generator = np.random.default_rng(0)
    class_index = np.repeat(np.arange(3), [10, 15, 20])
    mixing = generator.standard_normal((4, 4))
    x = generator.standard_normal((45, 4)) @ mixing + 2 * np.eye(4)[class_index]
    return x.astype(np.float32), np.eye(3, dtype=np.float32)[class_index], class_index


def ones(n):
    return np.ones(n, dtype=np.float32)


def within(x, class_index):
    centred = np.concatenate([x[class_index == place] - x[class_index == place].mean(axis=0) for place in range(3)])
    return centred.T @ centred / len(x)


def test_means_and_covariance_by_numpy(rows):
    x, targets, class_index = rows
    gaussian = fit_gaussian(x, targets, ones(45), 0.3)
    expected = shrunk_covariance(within(x.astype(np.float64), class_index), shrinkage=0.3)
    np.testing.assert_allclose(gaussian.means[1], x[class_index == 1].mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(np.linalg.inv(gaussian.precision), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("shrinkage", [0.0, 0.5])
def test_discriminant_is_that_of_scikit_learn(rows, shrinkage):
    x, targets, class_index = rows

    class Shrunk:
        def fit(self, rows):
            # scikit-learn asks for one covariance a class and weighs them by the priors, so it is given the whole.
            self.covariance_ = shrunk_covariance(within(x.astype(np.float64), class_index), shrinkage=shrinkage)

    reference = LinearDiscriminantAnalysis(solver="lsqr", covariance_estimator=Shrunk(), priors=[1 / 3] * 3)
    reference.fit(x.astype(np.float64), class_index)
    found = softmax(discriminant(fit_gaussian(x, targets, ones(45), shrinkage)).logits(x))
    np.testing.assert_allclose(found, reference.predict_proba(x), atol=2e-3)


def test_distances_are_mahalanobis(rows):
    from scipy.spatial.distance import mahalanobis

    x, targets, _ = rows
    gaussian = fit_gaussian(x, targets, ones(45), 0.2)
    expected = [[mahalanobis(row, mean, gaussian.precision) ** 2 for mean in gaussian.means] for row in x[:5]]
    np.testing.assert_allclose(gaussian.distances(x[:5]), expected, rtol=1e-3, atol=1e-3)


def test_soft_targets_and_row_weights_split_a_row():
    x = np.array([[0], [2], [10]], dtype=np.float32)
    targets = np.array([[1, 0], [0.5, 0.5], [0, 1]], dtype=np.float32)
    gaussian = fit_gaussian(x, targets, np.array([1, 2, 3], dtype=np.float32), 0.0)
    # Class masses 1 + 1 and 1 + 3; means (0 + 2) / 2 and (2 + 30) / 4; scatter (1 + 1 + 36 + 3 * 4) / 6.
    np.testing.assert_allclose(gaussian.means, [[1], [8]], atol=1e-6)
    np.testing.assert_allclose(gaussian.precision, [[6 / 50]], rtol=1e-5)


def test_one_row_a_class_falls_back_to_the_least_variance():
    x = np.eye(3, dtype=np.float32)
    gaussian = fit_gaussian(x, x, ones(3), 0.5)
    np.testing.assert_allclose(gaussian.precision, np.eye(3) / (0.5 * LEAST_VARIANCE / 3), rtol=1e-3)
    np.testing.assert_allclose(np.diag(gaussian.distances(x)), 0, atol=1e-3)
