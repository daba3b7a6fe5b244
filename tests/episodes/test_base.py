import numpy as np
import pytest

from metafuse.episodes.base import EpisodePool, check_disjoint
from metafuse.errors import EpisodeError, ShapeError


def test_columns_of_other_lengths_are_refused():
    with pytest.raises(ShapeError, match=r"source 'tickets': expected one entry a row in each of .*'group_id': 2"):
        EpisodePool("tickets", ("a",), np.array([0, 0, 0]), group_id=np.array([0, 0]))


def test_class_in_two_splits_is_named():
    with pytest.raises(EpisodeError, match=r"class 'b' is in meta_train and in meta_test: .*Remove it from one"):
        check_disjoint([("meta_train", ["a", "b"]), ("meta_val", ["c"]), ("meta_test", ["b"])])


def test_splits_without_a_class_in_common_pass():
    check_disjoint([("meta_train", ["a", "b"]), ("meta_val", ["c"])])
