import numpy as np
from sklearn.neighbors import NearestCentroid

from metafuse.learners.prototypes import PrototypeHead, fit_prototypes, leave_one_out_prototypes


def ones(n):
    return np.ones(n, dtype=np.float32)


def origin(dim):
    return np.zeros(dim, dtype=np.float32)


def test_prototypes_by_hand():
    x = np.array([[2, 0], [0, 5], [0, -3]], dtype=np.float32)
    targets = np.eye(2, dtype=np.float32)[[0, 0, 1]]
    head = fit_prototypes(x, targets, ones(3), origin(2), scale=10.0)
    # Rows are scaled to length one first: the mean of (1, 0) and (0, 1), scaled again, is (1, 1) / sqrt(2).
    np.testing.assert_allclose(head.prototypes, [[np.sqrt(0.5), np.sqrt(0.5)], [0, -1]], atol=1e-6)
    expected = [[10 * np.sqrt(0.5), 0], [10 * np.sqrt(0.5), -10]]
    np.testing.assert_allclose(head.logits(np.array([[7, 0], [0, 1]], dtype=np.float32)), expected, atol=1e-5)


def test_rows_are_compared_from_the_centre():
    head = PrototypeHead(np.array([1, 1], dtype=np.float32), np.eye(2, dtype=np.float32), 1.0)
    np.testing.assert_allclose(head.logits(np.array([[3, 1], [1, 0]], dtype=np.float32)), [[1, 0], [0, -1]], atol=1e-6)


def test_row_weight_and_soft_targets_weigh_the_mean():
    x = np.eye(2, dtype=np.float32)
    targets = np.array([[1, 0], [0.5, 0.5]], dtype=np.float32)
    head = fit_prototypes(x, targets, np.array([3, 2], dtype=np.float32), origin(2))
    np.testing.assert_allclose(head.prototypes, [[3 / np.sqrt(10), 1 / np.sqrt(10)], [0, 1]], atol=1e-6)


def test_prototypes_are_the_directions_of_scikit_learns_centroids():
    generator = np.random.default_rng(0)
    class_index = np.arange(60) % 4
    x = generator.standard_normal((60, 5)) + 1.5 * np.eye(5)[class_index]
    unit = (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)
    centroids = NearestCentroid().fit(unit, class_index).centroids_
    head = fit_prototypes(unit, np.eye(4, dtype=np.float32)[class_index], ones(60), origin(5))
    np.testing.assert_allclose(head.prototypes, centroids / np.linalg.norm(centroids, axis=1)[:, None], atol=1e-5)


def test_row_at_the_centre_says_nothing():
    head = fit_prototypes(np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32), ones(2), origin(2))
    np.testing.assert_array_equal(head.logits(np.zeros((1, 2), dtype=np.float32)), [[0, 0]])


def test_leave_one_out_equals_explicit_refits():
    generator = np.random.default_rng(1)
    class_index = np.repeat(np.arange(4), [5, 2, 7, 3])
    x = (generator.standard_normal((17, 6)) + np.eye(6)[class_index]).astype(np.float32)
    centre = x.mean(axis=0)
    targets = np.eye(4, dtype=np.float32)[class_index]
    expected = []
    for row in range(17):
        others = np.arange(17) != row
        head = fit_prototypes(x[others], targets[others], ones(16), centre)
        expected.append(int(head.logits(x[row : row + 1]).argmax()))
    np.testing.assert_array_equal(leave_one_out_prototypes(x, class_index, centre), expected)


def test_leave_one_out_skips_the_only_row_of_a_class():
    x = np.array([[1, 0.1], [1, -0.1], [0, 1]], dtype=np.float32)
    np.testing.assert_array_equal(leave_one_out_prototypes(x, np.array([0, 0, 1]), origin(2)), [0, 0, -1])
