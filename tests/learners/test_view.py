import numpy as np
import pytest

from metafuse.fusion.early import fit_early_fusion
from metafuse.learners.view import _choose_folds, name_weight, read_view


@pytest.fixture
def read(features_of):
    """Read the text of support, pool and names as a view, not centred."""

    def run(support, class_index, pool=None, names=None, seed=0):
        shown = features_of(text=support)
        fusion = fit_early_fusion(features_of(text=np.zeros_like(support)), {"text": 1.0})
        hidden = None if pool is None else features_of(text=pool)
        shots = None if names is None else features_of(text=names)
        return read_view(fusion, shown, class_index, pool=hidden, class_shots=shots, seed=seed, device="cpu")

    return run


def test_labelled_rows_come_before_the_pool(read):
    support, pool = np.eye(4)[:3], 2 * np.eye(4)[1:]
    view = read(support, np.array([0, 1, 1]), pool)
    np.testing.assert_allclose(view.base, np.concatenate([np.eye(4)[:3], np.eye(4)[1:]]))
    np.testing.assert_array_equal(view.rows, [0, 1, 2])
    assert view.n_way == 2


def test_rows_without_the_columns_are_left_out(read):
    support, pool = np.eye(4), np.eye(4)
    support[1] = pool[0] = 0
    view = read(support, np.array([0, 0, 1, 1]), pool)
    np.testing.assert_array_equal(view.rows, [0, 2, 3])
    np.testing.assert_array_equal(view.class_index, [0, 1, 1])
    assert len(view.base) == 6


@pytest.mark.parametrize(("support", "pool"), [(np.zeros((2, 3)), np.eye(3)), (np.diag([1.0, 0.0]), None)])
def test_nothing_to_learn_from_is_no_view(read, support, pool):
    assert read(support, np.array([0, 1]), pool) is None


def test_large_pool_is_sampled(read, monkeypatch):
    monkeypatch.setattr("metafuse.learners.view.POOL_LIMIT", 10)
    pool = np.random.default_rng(0).standard_normal((50, 4))
    first, second, other = (read(np.eye(4), np.arange(4), pool, seed=seed) for seed in (1, 1, 2))
    assert len(first.base) == 14
    np.testing.assert_array_equal(first.base, second.base)
    assert (first.base != other.base).any()
    unit = (pool / np.linalg.norm(pool, axis=1, keepdims=True)).astype(np.float32)
    places = [int(np.argmin(np.abs(unit - row).sum(axis=1))) for row in first.base[4:]]
    assert len(set(places)) == 10
    assert places == sorted(places)


def test_labelled_outside_a_fold_with_names(read):
    support = np.repeat(np.eye(3), 2, axis=0)
    view = read(support, np.repeat(np.arange(3), 2), names=np.eye(3))
    assert view.n_folds == 2
    kept = view.kept(0)
    assert len(kept) == 3
    assert len(view.kept(None)) == 6
    x, targets, weight = view.labelled(0)
    np.testing.assert_allclose(x, np.concatenate([support[kept], np.eye(3)]))
    np.testing.assert_array_equal(targets, np.concatenate([np.eye(3), np.eye(3)]))
    # Names label all six rows, and five pseudo-rows are at chance; half-way from chance to one is the full weight.
    accuracy = (6 + 5 / 3) / 11
    np.testing.assert_allclose(weight, [1, 1, 1] + [min(2 * (accuracy - 1 / 3) / (2 / 3), 1.0)] * 3)


def test_one_label_a_class_has_no_folds(read):
    view = read(np.eye(3), np.arange(3))
    assert view.n_folds == 0
    np.testing.assert_array_equal(view.fold, [-1, -1, -1])


def test_names_that_label_everything_count_fully():
    class_index = np.arange(40) % 4
    assert name_weight(np.eye(4)[class_index], class_index, np.eye(4)) == 1.0


def test_meaningless_names_count_nothing():
    generator = np.random.default_rng(0)
    class_index = np.arange(40) % 4
    assert name_weight(np.eye(4)[class_index], class_index, np.ones((4, 4))) == 0.0
    assert name_weight(generator.standard_normal((40, 8)), class_index, generator.standard_normal((4, 8))) == 0.0


def test_weight_of_names_by_hand():
    # 2 classes, 5 rows, 4 named right: accuracy (4 + 2.5) / 10, weight 2 * 0.15 / 0.5.
    support = np.eye(2)[[0, 0, 0, 1, 0]]
    assert name_weight(support, np.array([0, 0, 0, 1, 1]), np.eye(2)) == pytest.approx(0.6)


def test_names_of_no_use_or_without_the_columns_are_dropped(read):
    class_index = np.arange(20) % 4
    support = np.eye(4)[class_index]
    for names in (np.ones((4, 4)), np.eye(4)[[1, 2, 3, 0]], np.diag([1.0, 1, 1, 0])):
        view = read(support, class_index, names=names)
        assert view.shots is None
        assert view.shot_weight == 0
    x, _, _ = view.labelled(None)
    assert len(x) == 20


def test_number_of_folds_follows_the_largest_class_up_to_ten():
    assert _choose_folds(np.array([0, 0, 0, 1]), 100) == 3
    assert _choose_folds(np.array([0, 1]), 100) == 2
    assert _choose_folds(np.repeat([0, 1], 30), 100) == 10


def test_large_views_get_three_folds():
    assert _choose_folds(np.repeat([0, 1], 30), 10**11) == 3
