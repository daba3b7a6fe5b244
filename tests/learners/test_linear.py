import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from metafuse.learners.linear import LinearHead, fit_logistic, softmax


@pytest.fixture
def rows():
    """60 rows of three overlapping classes in five dimensions, away from the origin."""
    generator = np.random.default_rng(0)
    class_index = np.arange(60) % 3
    x = generator.standard_normal((60, 5)) + 1.5 * np.eye(5)[class_index] + 2
    return x.astype(np.float32), class_index


def one_hot(class_index, n_way=3):
    return np.eye(n_way, dtype=np.float32)[class_index]


def ones(n):
    return np.ones(n, dtype=np.float32)


def objective(head, x, targets, weight, c):
    logs = np.log(softmax(head.logits(x).astype(np.float64)))
    return -(weight[:, None] * targets * logs).sum() + (head.weight.astype(np.float64) ** 2).sum() / (2 * c)


@pytest.mark.parametrize("c", [0.1, 1.0, 10.0])
def test_same_solution_as_scikit_learn(rows, c):
    x, class_index = rows
    head = fit_logistic(x, one_hot(class_index), ones(60), c=c, max_iter=500, tolerance=1e-6)
    reference = LogisticRegression(C=c, tol=1e-8, max_iter=2000).fit(x.astype(np.float64), class_index)
    np.testing.assert_allclose(head.weight, reference.coef_.T, atol=0.02)
    np.testing.assert_allclose(softmax(head.logits(x)), reference.predict_proba(x), atol=5e-3)


def test_row_weights_are_those_of_scikit_learn(rows):
    x, class_index = rows
    weight = np.random.default_rng(1).uniform(0, 2, 60).astype(np.float32)
    head = fit_logistic(x, one_hot(class_index), weight, c=1.0, max_iter=500, tolerance=1e-6)
    reference = LogisticRegression(C=1.0, tol=1e-8, max_iter=2000).fit(x.astype(np.float64), class_index, weight)
    np.testing.assert_allclose(softmax(head.logits(x)), reference.predict_proba(x), atol=5e-3)


def test_row_of_weight_zero_does_not_count(rows):
    x, class_index = rows
    weight = ones(60)
    weight[40:] = 0
    head = fit_logistic(x, one_hot(class_index), weight, max_iter=500, tolerance=1e-6)
    without = fit_logistic(x[:40], one_hot(class_index[:40]), ones(40), max_iter=500, tolerance=1e-6)
    np.testing.assert_allclose(softmax(head.logits(x)), softmax(without.logits(x)), atol=5e-3)


def test_soft_target_is_a_row_of_each_class_by_weight(rows):
    x, class_index = rows
    soft = 0.7 * one_hot(class_index) + 0.3 * one_hot((class_index + 1) % 3)
    head = fit_logistic(x, soft, ones(60), c=1.0, max_iter=500, tolerance=1e-6)
    labels = np.concatenate([class_index, (class_index + 1) % 3])
    weight = np.repeat([0.7, 0.3], 60)
    reference = LogisticRegression(C=1.0, tol=1e-8, max_iter=2000).fit(np.tile(x, (2, 1)).astype(float), labels, weight)
    np.testing.assert_allclose(softmax(head.logits(x)), reference.predict_proba(x), atol=5e-3)


def test_default_stop_is_near_the_optimum(rows):
    x, class_index = rows
    quick = fit_logistic(x, one_hot(class_index), ones(60))
    exact = fit_logistic(x, one_hot(class_index), ones(60), max_iter=1000, tolerance=1e-8)
    best = objective(exact, x, one_hot(class_index), ones(60), 10.0)
    assert objective(quick, x, one_hot(class_index), ones(60), 10.0) < best * 1.001


def test_start_at_the_solution_stays_there(rows):
    x, class_index = rows
    solution = fit_logistic(x, one_hot(class_index), ones(60), max_iter=500, tolerance=1e-6)
    again = fit_logistic(x, one_hot(class_index), ones(60), start=solution, max_iter=1)
    np.testing.assert_allclose(softmax(again.logits(x)), softmax(solution.logits(x)), atol=2e-3)


def test_more_dimensions_than_rows():
    x = np.random.default_rng(2).standard_normal((6, 50)).astype(np.float32)
    head = fit_logistic(x, one_hot(np.arange(6) % 3), ones(6))
    np.testing.assert_array_equal(head.logits(x).argmax(axis=1), np.arange(6) % 3)


def test_head_by_hand():
    head = LinearHead(np.array([[1, 2], [0, -1]], dtype=np.float32), np.array([0, 5], dtype=np.float32))
    np.testing.assert_array_equal(head.logits(np.array([[3, 1]], dtype=np.float32)), [[3, 10]])


def test_softmax_of_large_logits():
    logits = np.array([[1000, 1000, -1000], [0, np.log(3), -np.inf]], dtype=np.float32)
    np.testing.assert_allclose(softmax(logits), [[0.5, 0.5, 0], [0.25, 0.75, 0]], atol=1e-6)
