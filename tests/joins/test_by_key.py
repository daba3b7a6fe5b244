import numpy as np
import pandas as pd

from metafuse.joins.by_key import match_keys
from metafuse.joins.matches import Side


def side(**columns):
    return Side("s", pd.DataFrame(columns))


def test_keys_compare_as_ids_do():
    left = side(k=[1, 2, 3, 4])
    assert match_keys(left, side(k=["4", " 2 ", "1.0"]), "j", every=False).best.tolist() == [-1, 1, -1, 0]
    assert match_keys(left, side(k=[3.0, np.nan, 1.0]), "j", every=False).best.tolist() == [2, -1, 0, -1]


def test_a_missing_key_fits_no_other_missing_key():
    found = match_keys(side(k=["a", None, " "]), side(k=[None, "a"]), "j", every=False)
    assert found.best.tolist() == [1, -1, -1]
    assert {reason: rows.tolist() for reason, rows in found.left_reasons.items()} == {"have no key": [1, 2]}
    assert {reason: rows.tolist() for reason, rows in found.right_reasons.items()} == {"have no key": [0]}


def test_a_key_of_two_columns_needs_both():
    left = side(a=["x", "x", "y", "y"], b=[1, 2, 1, None])
    found = match_keys(left, side(a=["y", "x", "x"], b=[1, 2, 3]), "j", every=False)
    assert found.best.tolist() == [-1, 1, 0, -1]


def test_repeated_keys_are_counted_and_the_first_row_wins():
    found = match_keys(side(k=["a", "b", "c", "a"]), side(k=["b", "a", "a", "z", "z", "a"]), "j", every=True)
    assert found.best.tolist() == [1, 0, -1, 1]
    assert found.n_fitting.tolist() == [3, 1, 0, 3]
    assert (found.n_several, found.n_taken_of_several) == (2, 1)  # 'z' is repeated too, but no row has it
    assert found.pairs.left.tolist() == [0, 0, 0, 1, 3, 3, 3]
    assert found.pairs.right.tolist() == [1, 2, 5, 0, 1, 2, 5]
