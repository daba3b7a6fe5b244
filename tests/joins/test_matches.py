import numpy as np
import pytest

from metafuse.errors import SchemaError
from metafuse.joins import matches
from metafuse.joins.matches import expand


def test_pairs_are_listed_by_left_row():
    pairs = expand(np.array([4, 0, 2]), np.array([2, 0, 3]), "j")
    assert pairs.left.tolist() == [0, 0, 2, 2, 2]
    assert pairs.right.tolist() == [4, 5, 2, 3, 4]


def test_more_pairs_than_memory_holds_are_refused(monkeypatch):
    monkeypatch.setattr(matches, "MOST_PAIRS", 4)
    with pytest.raises(SchemaError, match=r"join 'j' would hold 5 pairs of rows, more than 4\. Narrow the tolerance"):
        expand(np.array([0, 0]), np.array([2, 3]), "j")
