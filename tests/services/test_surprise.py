import numpy as np
import pytest

from metafuse.services.surprise import combine, crowd_distance, from_median, upper_share


def test_share_is_the_rank_and_less_far_beyond_the_rest():
    # median 3, upper 5 % from 4.7: 5 lies 0.3 / 1.7 beyond
    expected = [1.0, 0.25 / (1 + 0.3 / 1.7), 0.625, 0.625]
    np.testing.assert_allclose(upper_share(np.array([1.0, 5.0, 3.0, 3.0])), expected)


def test_an_absurd_value_counts_at_most_eleven_times_its_rank():
    values = np.append(np.arange(100.0), 1e9)
    assert upper_share(values)[-1] == pytest.approx(1 / 101 / 11)


def test_one_value_beside_equal_ones_is_as_far_as_can_be():
    assert upper_share(np.append(np.zeros(99), 1.0))[-1] == pytest.approx(0.01 / 11)


def test_each_side_of_the_median_has_its_own_unit():
    # offsets -1 0 0 3; side means 1/4 and 3/4
    assert from_median(np.array([1.0, 2.0, 2.0, 5.0])).tolist() == [4.0, 0.0, 0.0, 4.0]


def test_equal_values_are_no_distance_from_the_median():
    assert from_median(np.full(4, 7.0)).tolist() == [0, 0, 0, 0]


def test_combination_is_the_harmonic_mean():
    score = combine([np.array([0.01]), np.array([1.0])], [1.0, 1.0])
    assert score[0] == pytest.approx(np.log10((100 + 1) / 2))


def test_crowd_distance_is_the_mean_squared_distance_to_the_nearest():
    rows = np.array([[0.0], [1.0], [3.0]], dtype=np.float32)
    distances, near = crowd_distance(rows, 2, "cpu")
    np.testing.assert_allclose(distances, [(1 + 9) / 2, (1 + 4) / 2, (4 + 9) / 2], atol=1e-5)
    assert near.tolist() == [[1, 2], [0, 2], [1, 0]]


def test_few_copies_do_not_hide_and_many_are_usual():
    rows = np.array([[9.0], [9.0], *[[0.0]] * 5, [1.0]], dtype=np.float32)
    distances, _ = crowd_distance(rows, 3, "cpu")
    assert distances[0] == distances[1] == pytest.approx((64 + 81 + 81) / 3, rel=1e-5)
    assert distances[2] == 0


def test_rows_that_overlap_are_no_neighbours():
    rows = np.array([[0.0], [0.1], [5.0], [5.1], [0.2]], dtype=np.float32)
    distances, near = crowd_distance(rows, 1, "cpu", n_overlapping=1)
    # without 1 the nearest to 0 is 4, and without 3 the nearest to 2 is 4
    assert near.ravel().tolist() == [4, 4, 4, 1, 1]
    assert distances == pytest.approx([0.04, 0.01, 23.04, 25.0, 0.01], abs=1e-4)


def test_rows_that_all_overlap_have_no_neighbours():
    distances, near = crowd_distance(np.eye(3, dtype=np.float32), 2, "cpu", n_overlapping=1)
    assert near.shape == (3, 0)
    assert distances.tolist() == [0, 0, 0]
