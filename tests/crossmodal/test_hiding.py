import numpy as np

from metafuse.crossmodal.base import Codes
from metafuse.crossmodal.hiding import give, hide_blocks, split_rows


def test_some_blocks_are_given_and_some_hidden():
    present = np.random.default_rng(0).random((300, 4)) > 0.4
    codes = Codes(np.zeros((300, 4), dtype=np.float32), present, (1, 1, 1, 1))
    given = hide_blocks(codes, np.random.default_rng(1))
    n_present, n_given = present.sum(axis=1), given.sum(axis=1)
    assert not (given & ~present).any()
    assert (n_given[n_present > 0] >= 1).all()
    assert (n_given[n_present > 1] < n_present[n_present > 1]).all()


def test_only_given_blocks_keep_their_values():
    codes = Codes(np.array([[1.0, 2.0, 3.0]], dtype=np.float32), np.array([[True, True]]), (2, 1))
    assert give(codes, np.array([[False, True]])).values.tolist() == [[0.0, 0.0, 3.0]]


def test_split_takes_every_row_once():
    fitted, held_out = split_rows(10, np.random.default_rng(0))
    assert len(held_out) == 2
    assert sorted([*fitted, *held_out]) == list(range(10))
