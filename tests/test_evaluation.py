import numpy as np
import pytest

from metafuse.evaluation import confusions, false_alarm_at_recall, mean_interval, proportion


def test_wilson_interval_of_eight_in_ten():
    found = proportion(np.array([True] * 8 + [False] * 2))
    assert found.share == 0.8
    # Wilson 1927: centre (0.8 + z^2/20) / (1 + z^2/10), z = 1.96
    assert (found.low, found.high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))


def test_interval_of_no_trials_says_nothing():
    found = proportion(np.zeros(0, dtype=bool))
    assert (found.low, found.high) == (0.0, 1.0)
    assert np.isnan(found.share)


@pytest.mark.parametrize("hits", [0, 7])
def test_interval_holds_the_share_at_the_ends(hits):
    found = proportion(np.arange(7) < hits)
    assert 0 <= found.low <= found.share <= found.high <= 1


def test_interval_of_five_draws_by_hand():
    # sd of 1..5 is 1.5811, t(4, .975) = 2.7764
    mean, half = mean_interval(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    assert mean == 3
    assert half == pytest.approx(2.7764 * 1.5811 / np.sqrt(5), abs=1e-3)


def test_false_alarms_where_all_known_are_accepted():
    assert false_alarm_at_recall(np.array([3.0, 4.0, 5.0]), np.array([1.0, 2.0, 3.5, 6.0]), 1.0) == 0.5


def test_confusions_are_listed_most_frequent_first():
    truth, predicted = np.array([0, 0, 1, 1, 1, 2]), np.array([0, 1, 0, 0, 1, 2])
    assert confusions(truth, predicted, 3) == [(1, 0, 2), (0, 1, 1)]
