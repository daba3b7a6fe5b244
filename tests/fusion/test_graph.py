import numpy as np
import pytest
from scipy import sparse

from metafuse.fusion.graph import fuse_graphs, strongest_edges


def path(*pairs, n=3):
    graph = np.zeros((n, n), dtype=np.float32)
    for first, second, weight in pairs:
        graph[first, second] = graph[second, first] = weight
    return sparse.csr_matrix(graph)


def test_sum_by_hand():
    # Edge 0-1 of weight 1 in the first graph and of 1/2 in the second, which alone has edge 1-2: degrees 1.5, 2, 0.5.
    first, second = path((0, 1, 1.0), n=2), path((0, 1, 0.5), (1, 2, 0.5))
    found = fuse_graphs([first, second], [np.array([0, 1]), np.arange(3)], [1.0, 1.0], 3).toarray()
    assert found[0, 1] == pytest.approx(1.5 / np.sqrt(1.5 * 2))
    assert found[1, 2] == pytest.approx(0.5 / np.sqrt(2 * 0.5))
    np.testing.assert_array_equal(found, found.T)


def test_weak_graph_reaches_a_row_that_the_strong_one_lacks():
    strong, weak = path((0, 1, 1.0), n=2), path((1, 2, 1.0))
    found = fuse_graphs([strong, weak], [np.array([0, 1]), np.arange(3)], [1.0, 0.0], 3).toarray()
    assert found[1, 2] > 0
    assert found[0, 1] > found[1, 2]


def test_nodes_that_are_no_row_are_left_out():
    found = fuse_graphs([path((0, 1, 1.0), (1, 2, 1.0))], [np.array([0, 1, -1])], [1.0], 2).toarray()
    np.testing.assert_allclose(found, [[0, 1], [1, 0]])


def test_strongest_edges_come_first():
    weight, end = strongest_edges(path((0, 1, 0.2), (0, 2, 0.9)), 2)
    np.testing.assert_allclose(weight[0], [0.9, 0.2])
    np.testing.assert_array_equal(end[0], [2, 1])
    np.testing.assert_allclose(weight[1], [0.2, 0.0])
