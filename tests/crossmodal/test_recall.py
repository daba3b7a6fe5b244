import numpy as np
import pytest

from metafuse.crossmodal.recall import mean_recall_at_10, recall_at


def test_own_item_first_is_found_at_one():
    assert recall_at(np.eye(20)) == {1: 1.0, 5: 1.0, 10: 1.0}


def test_rank_decides_at_which_k_it_counts():
    similarity = np.tile(np.arange(12.0), (12, 1))
    # item 11 is first of all queries, item 10 second ...: query i finds its own at rank 11 - i
    assert recall_at(similarity) == {1: 1 / 12, 5: 5 / 12, 10: 10 / 12}


def test_all_alike_is_chance():
    assert recall_at(np.zeros((21, 21)))[10] == 0.0
    assert recall_at(np.zeros((19, 19)))[10] == 1.0


def test_mean_takes_both_directions():
    similarity = np.tile(np.arange(20.0), (20, 1))
    # by rows 10 of 20 queries find their item among the first 10; by columns all items are alike, rank 9.5
    assert mean_recall_at_10(similarity) == pytest.approx((0.5 + 1.0) / 2)
