import numpy as np
import pytest

from metafuse.errors import ConfigError, ShapeError
from metafuse.index.knn import EXACT_ROWS, NeighbourSearch, kmeans, nearest_neighbours


def unit(n: int, dim: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_neighbours_agree_with_brute_force():
    queries, base = unit(20, 6, seed=1), unit(100, 6)
    similarities, positions = nearest_neighbours(queries, base, 5, device="cpu")
    expected = np.argsort(-(queries @ base.T), axis=1)[:, :5]
    assert np.array_equal(positions, expected)
    np.testing.assert_allclose(similarities, np.take_along_axis(queries @ base.T, expected, axis=1), atol=1e-6)


def test_a_row_is_left_out_of_its_own_neighbours():
    base = unit(30, 5)
    products = base @ base.T
    np.fill_diagonal(products, -9)
    _, positions = nearest_neighbours(base, base, 4, device="cpu", own_positions=np.arange(30))
    assert np.array_equal(positions, np.argsort(-products, axis=1)[:, :4])


def test_a_query_outside_the_base_keeps_all_its_neighbours():
    base = np.eye(3, dtype=np.float32)
    _, positions = nearest_neighbours(base[[1, 1]], base, 2, device="cpu", own_positions=np.array([1, -1]))
    assert positions.tolist() == [[0, 2], [1, 0]]


def test_ties_come_by_position():
    base = np.tile(unit(1, 3), (50, 1))
    _, positions = nearest_neighbours(base[:1], base, 6, device="cpu")
    assert positions.tolist() == [[0, 1, 2, 3, 4, 5]]


def test_k_beyond_the_base_returns_all():
    assert nearest_neighbours(unit(2, 3), unit(4, 3), 9, device="cpu")[1].shape == (2, 4)
    own = np.arange(4)
    assert nearest_neighbours(unit(4, 3), unit(4, 3), 9, device="cpu", own_positions=own)[1].shape == (4, 3)


def test_a_single_row_has_no_other():
    with pytest.raises(ConfigError, match="at least one other row"):
        nearest_neighbours(unit(1, 3), unit(1, 3), 1, device="cpu", own_positions=np.array([0]))


def test_other_dimensions_and_nan_are_refused():
    with pytest.raises(ShapeError, match="queries: expected 3 dimensions, got 4"):
        nearest_neighbours(unit(1, 4), unit(2, 3), 1, device="cpu")
    with pytest.raises(ShapeError, match="base: expected finite values"):
        nearest_neighbours(unit(1, 3), np.full((2, 3), np.nan, dtype=np.float32), 1, device="cpu")


def test_kmeans_finds_separated_groups_and_repeats_itself():
    rows = np.repeat(np.eye(3, dtype=np.float32), 10, axis=0)
    assignment, centres = kmeans(rows, 3, seed=1, device="cpu")
    again, _ = kmeans(rows, 3, seed=1, device="cpu")
    assert [len(set(assignment[at : at + 10])) for at in (0, 10, 20)] == [1, 1, 1]
    assert len(set(assignment)) == 3
    np.testing.assert_allclose(np.linalg.norm(centres, axis=1), 1, atol=1e-6)
    assert np.array_equal(assignment, again)


def test_more_clusters_than_rows_are_refused():
    with pytest.raises(ConfigError, match="expected 1 to 2 clusters for 2 rows, got 3"):
        kmeans(unit(2, 3), 3, seed=0, device="cpu")


@pytest.mark.gpu
def test_gpu_gives_the_neighbours_of_the_cpu():
    queries, base = unit(20, 16, seed=1), unit(1000, 16)
    on_cpu = nearest_neighbours(queries, base, 5, device="cpu")
    on_gpu = nearest_neighbours(queries, base, 5, device="cuda")
    assert np.array_equal(on_cpu[1], on_gpu[1])
    np.testing.assert_allclose(on_cpu[0], on_gpu[0], atol=1e-5)


def near(n: int, dim: int, seed: int = 0) -> np.ndarray:
    """Rows in groups, as embeddings are."""
    generator = np.random.default_rng(seed)
    rows = unit(40, dim)[generator.integers(0, 40, n)] + generator.standard_normal((n, dim)) / np.sqrt(dim)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_a_search_in_few_rows_is_exact():
    queries, base = unit(20, 6, seed=1), unit(100, 6)
    expected = nearest_neighbours(queries, base, 5, device="cpu")
    found = NeighbourSearch(base, "cpu").search(queries, 5)
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_array_equal(found[0], expected[0])


def test_a_search_in_many_rows_finds_most_neighbours_and_no_query_sways_another():
    base, queries = near(EXACT_ROWS + 1000, 128), near(200, 128, seed=1)
    _, expected = nearest_neighbours(queries, base, 10, device="cpu")
    search = NeighbourSearch(base, "cpu")
    similarities, found = search.search(queries, 10)
    shared = [len(set(one) & set(other)) for one, other in zip(found.tolist(), expected.tolist(), strict=True)]
    assert np.mean(shared) > 8
    np.testing.assert_allclose(similarities[:, 0], (queries * base[found[:, 0]]).sum(axis=1), atol=1e-5)
    np.testing.assert_array_equal(search.search(queries[7:8], 10)[1], found[7:8])
    np.testing.assert_array_equal(NeighbourSearch(base, "cpu").search(queries[7:8], 10)[1], found[7:8])
