import numpy as np
import pytest

from metafuse.report.projection import N_ANCHORS, project, sample_points


def groups(n_rows: int, n_groups: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(n_groups, 64))
    group = np.arange(n_rows) % n_groups
    rows = (centres[group] + 0.2 * rng.normal(size=(n_rows, 64))).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), group


def share_beside_their_own(coordinates: np.ndarray, group: np.ndarray) -> float:
    """Share of rows whose nearest row on the map is of the same group."""
    apart = np.linalg.norm(coordinates[:, None] - coordinates[None], axis=-1)
    np.fill_diagonal(apart, np.inf)
    return float((group[apart.argmin(axis=1)] == group).mean())


def test_groups_stay_together():
    rows, group = groups(150)
    projection = project(rows, seed=0)
    assert share_beside_their_own(projection.coordinates, group) > 0.98
    assert projection.method.startswith("t-SNE")


def test_same_seed_same_map():
    rows, _ = groups(60)
    np.testing.assert_array_equal(project(rows, seed=3).coordinates, project(rows, seed=3).coordinates)


@pytest.mark.parametrize("n_rows", [1, 2, 5])
def test_few_rows_get_main_components(n_rows):
    projection = project(groups(n_rows)[0], seed=0)
    assert projection.coordinates.shape == (n_rows, 2)
    assert np.isfinite(projection.coordinates).all()
    assert projection.method.startswith("PCA")


def test_equal_rows_do_not_fail():
    rows = np.ones((40, 8), dtype=np.float32)
    assert np.isfinite(project(rows, seed=0).coordinates).all()


@pytest.mark.slow
def test_rows_past_the_anchors_lie_beside_their_group():
    rows, group = groups(N_ANCHORS + 500)
    projection = project(rows, seed=0)
    assert share_beside_their_own(projection.coordinates, group) > 0.98
    assert "2,000 rows" in projection.method


def test_sample_keeps_marked_rows_and_order():
    is_kept = np.zeros(100, dtype=bool)
    is_kept[[3, 70, 99]] = True
    chosen = sample_points(is_kept, limit=10, seed=0)
    assert len(chosen) == 10
    assert {3, 70, 99} <= set(chosen.tolist())
    assert (np.diff(chosen) > 0).all()


def test_sample_of_few_rows_is_all_of_them():
    np.testing.assert_array_equal(sample_points(np.zeros(4, dtype=bool), limit=10, seed=0), np.arange(4))
