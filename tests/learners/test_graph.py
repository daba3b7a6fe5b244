import numpy as np
from scipy import sparse

from metafuse.learners.graph import ALPHA, N_ITERATIONS, N_NEIGHBOURS, average_neighbours, find_neighbourhood, propagate


def unit(angles):
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_neighbourhood_of_three_rows_by_hand():
    # Angles 0, 60 and 90 degrees: cosines 1/2, 0 and sqrt(3)/2; both directions add up, so W doubles.
    found = find_neighbourhood(unit(np.deg2rad([0, 60, 90])), "cpu")
    np.testing.assert_array_equal(found.neighbour, [[1, 2], [2, 0], [1, 0]])
    np.testing.assert_allclose(found.similarity, [[0.5, 0], [0.75**0.5, 0.5], [0.75**0.5, 0]], atol=1e-6)
    first, second = 2 * 0.5**3, 2 * 0.75**1.5
    weight = np.array([[0, first, 0], [first, 0, second], [0, second, 0]])
    degree = weight.sum(axis=1)
    np.testing.assert_allclose(found.graph.toarray(), weight / np.sqrt(np.outer(degree, degree)), atol=1e-6)


def test_opposite_rows_are_not_joined():
    found = find_neighbourhood(unit(np.deg2rad([0, 5, 180])), "cpu")
    np.testing.assert_array_equal(found.graph.toarray()[2], [0, 0, 0])


def test_neighbours_are_limited_and_leave_out_the_row_itself():
    base = np.random.default_rng(0).standard_normal((40, 5)).astype(np.float32)
    base /= np.linalg.norm(base, axis=1, keepdims=True)
    found = find_neighbourhood(base, "cpu")
    cosine = base @ base.T
    np.fill_diagonal(cosine, -2)
    np.testing.assert_array_equal(found.neighbour, np.argsort(-cosine, axis=1, kind="stable")[:, :N_NEIGHBOURS])
    np.testing.assert_allclose(found.graph.toarray(), found.graph.toarray().T, atol=1e-6)


def test_propagation_approaches_the_closed_form():
    found = find_neighbourhood(unit(np.deg2rad([0, 10, 25, 60, 70, 90])), "cpu")
    seeds = np.zeros((6, 2), dtype=np.float32)
    seeds[0, 0] = seeds[5, 1] = 1
    exact = (1 - ALPHA) * np.linalg.solve(np.eye(6) - ALPHA * found.graph.toarray(), seeds)
    spread = propagate(found.graph, seeds)
    # What is left after n steps is at most alpha^n of the seeds, as the graph's eigenvalues are at most 1.
    assert np.abs(spread - exact).max() < ALPHA**N_ITERATIONS
    np.testing.assert_array_equal(spread.argmax(axis=1), [0, 0, 0, 1, 1, 1])


def test_propagation_on_two_joined_rows_by_hand():
    graph = sparse.csr_matrix(np.array([[0, 1], [1, 0]], dtype=np.float32))
    spread = propagate(graph, np.array([[1], [0]], dtype=np.float32))
    # f1 = 0.2 + 0.8 f2, f2 = 0.8 f1: f1 = 0.2 / 0.36.
    np.testing.assert_allclose(spread, [[0.2 / 0.36], [0.16 / 0.36]], atol=ALPHA**N_ITERATIONS)


def test_rows_without_edges_keep_a_share_of_their_seed():
    spread = propagate(sparse.csr_matrix((2, 2), dtype=np.float32), np.eye(2, dtype=np.float32))
    np.testing.assert_allclose(spread, (1 - ALPHA) * np.eye(2), atol=1e-6)


def test_average_of_neighbours_by_hand():
    distribution = np.array([[1, 0], [0, 1], [0.5, 0.5]], dtype=np.float32)
    similarity = np.array([[1, 0.5], [0.8, -0.3]], dtype=np.float32)
    average = average_neighbours(distribution, similarity, np.array([[0, 1], [2, 0]]))
    # Weights 1 and 1/8; and a neighbour of negative cosine counts nothing.
    np.testing.assert_allclose(average, [[8 / 9, 1 / 9], [0.5, 0.5]], atol=1e-6)


def test_average_of_unlike_neighbours_is_their_plain_mean():
    similarity = np.array([[0, -1]], dtype=np.float32)
    average = average_neighbours(np.eye(2, dtype=np.float32), similarity, np.array([[0, 1]]))
    np.testing.assert_allclose(average, [[0.5, 0.5]])
