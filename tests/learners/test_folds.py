import numpy as np
import pytest

from metafuse.learners.folds import assign_folds


def test_k_labels_in_k_folds_leave_out_one_row_a_class():
    class_index = np.random.default_rng(0).permutation(np.repeat(np.arange(6), 5))
    fold = assign_folds(class_index, 5, np.random.default_rng(1))
    for place in range(5):
        np.testing.assert_array_equal(np.bincount(class_index[fold == place]), np.ones(6))


def test_rows_of_a_class_are_spread_evenly():
    class_index = np.repeat([0, 1], [17, 9])
    fold = assign_folds(class_index, 4, np.random.default_rng(0))
    assert sorted(np.bincount(fold[class_index == 0], minlength=4)) == [4, 4, 4, 5]
    assert sorted(np.bincount(fold[class_index == 1], minlength=4)) == [2, 2, 2, 3]


def test_only_row_of_a_class_is_never_held_out():
    fold = assign_folds(np.array([0, 0, 1, 2, 2]), 2, np.random.default_rng(0))
    assert fold[2] == -1
    assert (fold[[0, 1, 3, 4]] >= 0).all()


@pytest.mark.parametrize("seed", range(5))
def test_no_class_is_held_out_as_a_whole(seed):
    class_index = np.repeat(np.arange(5), [2, 3, 4, 7, 20])
    fold = assign_folds(class_index, 10, np.random.default_rng(seed))
    for place in range(10):
        assert set(class_index[fold != place]) == set(range(5))


def test_renumbering_the_classes_changes_no_fold():
    class_index = np.random.default_rng(0).integers(4, size=30)
    renumbered = np.array([2, 0, 3, 1])[class_index]
    first = assign_folds(class_index, 5, np.random.default_rng(7))
    np.testing.assert_array_equal(assign_folds(renumbered, 5, np.random.default_rng(7)), first)


def test_classes_of_two_rows_do_not_all_share_their_folds():
    class_index = np.repeat(np.arange(50), 2)
    fold = assign_folds(class_index, 10, np.random.default_rng(0))
    assert set(fold) == set(range(10))
