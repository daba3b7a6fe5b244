import numpy as np
import pytest

from metafuse.episodes.base import EpisodePool
from metafuse.episodes.stock import take_stock
from metafuse.errors import EpisodeError
from metafuse.task import EpisodeSizes


def pool(class_id, classes="abcdefgh", **columns):
    return EpisodePool("tickets", tuple(classes), np.array(class_id), **{k: np.array(v) for k, v in columns.items()})


def contents(stock):
    """Group -> class -> units, each the list of its rows."""
    units = [stock.rows[place].tolist() for place in slices(stock.unit_start, stock.unit_size)]
    classes = [units[place] for place in slices(stock.class_start, stock.class_size)]
    named = list(zip(stock.class_id.tolist(), classes, strict=True))
    return [dict(named[place]) for place in slices(stock.group_start, stock.group_size)]


def slices(starts, sizes):
    return [slice(start, start + size) for start, size in zip(starts, sizes, strict=True)]


def test_without_groups_all_classes_are_one():
    stock = take_stock(pool([1, 0, -1, 1, 0], "ab"), EpisodeSizes(n_way=2, k_shot=1))
    assert contents(stock) == [{0: [[1], [4]], 1: [[0], [3]]}]
    assert stock.left_out == ()


def test_classes_with_too_few_rows_are_left_out():
    stock = take_stock(pool([0, 0, 0, 1, 1, 2, 2, 2], "abcd"), EpisodeSizes(n_way=2, k_shot=2))
    assert list(contents(stock)[0]) == [0, 2]
    assert stock.left_out == ("b", "d")


def test_variable_shots_need_two_rows():
    sizes = EpisodeSizes(n_way=2, k_shot=50, variable_shot=True)
    assert take_stock(pool([0, 0, 1, 1, 2], "abc"), sizes).left_out == ("c",)


def test_groups_with_too_few_classes_are_left_out():
    found = pool([0, 0, 1, 1, 2, 2, 3, 3], "abcd", group_id=[7, 7, 7, 7, 9, 9, -1, -1])
    stock = take_stock(found, EpisodeSizes(n_way=2, k_shot=1, within_group=True))
    assert contents(stock) == [{0: [[0], [1]], 1: [[2], [3]]}]
    assert stock.left_out == ("c", "d")


def test_class_in_two_groups_has_its_own_rows_in_each():
    found = pool([0, 0, 1, 1, 0, 0, 2, 2], "abc", group_id=[0, 0, 0, 0, 1, 1, 1, 1])
    stock = take_stock(found, EpisodeSizes(n_way=2, k_shot=1, within_group=True))
    assert contents(stock) == [{0: [[0], [1]], 1: [[2], [3]]}, {0: [[4], [5]], 2: [[6], [7]]}]


def test_groups_do_not_count_when_they_are_not_asked_for():
    stock = take_stock(pool([0, 0, 1, 1], "ab", group_id=[0, 1, -1, 3]), EpisodeSizes(n_way=2, k_shot=1))
    assert contents(stock) == [{0: [[0], [1]], 1: [[2], [3]]}]


def test_near_duplicates_are_one_unit():
    stock = take_stock(pool([0, 0, 0, 1, 1], "ab", duplicate_id=[5, -1, 5, -1, -1]), EpisodeSizes(n_way=2, k_shot=1))
    assert contents(stock) == [{0: [[1], [0, 2]], 1: [[3], [4]]}]


def test_near_duplicates_under_two_labels_count_for_the_commoner():
    found = pool([0, 0, 0, 0, 1, 1, 1], "ab", duplicate_id=[5, 5, -1, -1, 5, -1, -1])
    stock = take_stock(found, EpisodeSizes(n_way=2, k_shot=1))
    assert contents(stock) == [{0: [[2], [3], [0, 1]], 1: [[5], [6]]}]


def test_of_equals_the_label_of_the_first_row_keeps_the_near_duplicates():
    found = pool([1, 1, 1, 0, 0, 0], "ab", duplicate_id=[5, -1, -1, 5, -1, -1])
    stock = take_stock(found, EpisodeSizes(n_way=2, k_shot=1))
    assert contents(stock) == [{0: [[4], [5]], 1: [[1], [2], [0]]}]


@pytest.mark.parametrize(
    ("columns", "sizes", "message"),
    [
        (
            {"class_id": [0, 1, 2, 3]},
            {},
            r"n_way=5 needs 5 classes, got 4\. Lower n_way or enlarge the split",
        ),
        (
            {"class_id": [0, -1]},
            {"variable_way": True},
            r"variable n_way=5 needs 2 classes, got 1\. Lower n_way or enlarge",
        ),
        (
            {"class_id": [0, 0, 0, 1, 1, 2]},
            {"n_way": 2, "k_shot": 2},
            r"n_way=2 needs 2 classes of at least 3 rows \(k_shot=2 and a query row\), got 1; 'b' has 2, 'c' has 1\. "
            "Lower k_shot or n_way, or label more rows",
        ),
        (
            {"class_id": [0, 0, 1, 2, 3, 4, 5, 6]},
            {"n_way": 2, "k_shot": 1},
            "'b' has 1, 'c' has 1, 'd' has 1, 'e' has 1, 'f' has 1, 1 more have too few",
        ),
        (
            {"class_id": [0, 0, 1, 1], "duplicate_id": [-1, -1, 4, 4]},
            {"n_way": 2, "k_shot": 1},
            r"got 1; 'b' has 1 \(near-duplicates count as one row\)\. Lower k_shot or n_way",
        ),
        (
            {"class_id": [0, 0, 1, 1]},
            {"n_way": 2, "k_shot": 1, "within_group": True},
            "within-group episodes need the group of each row, got none. Name its group_column, or set within_group",
        ),
        (
            {"class_id": [0, 0, 1, 1, 2, 2], "group_id": [0, 0, 0, 0, 1, 1]},
            {"n_way": 3, "k_shot": 1, "within_group": True},
            r"within-group episodes of n_way=3 need a group with 3 classes of at least 2 rows \(k_shot=1 and a query "
            r"row\); the largest of 2 groups has 2\. Lower n_way or k_shot, or set within_group = false",
        ),
        (
            {"class_id": [0, 8]},
            {},
            "expected class_id from -1 to 7, one for each of its 8 labels, got 8. Number the classes",
        ),
    ],
)
def test_reason_for_no_episode_is_given(columns, sizes, message):
    with pytest.raises(EpisodeError, match="^source 'tickets': .*" + message):
        take_stock(pool(**columns), EpisodeSizes(**sizes))


def test_message_names_the_split():
    found = EpisodePool("tickets", ("a",), np.zeros(9, dtype=np.int64), split="meta_val")
    with pytest.raises(EpisodeError, match="n_way=5 needs 5 meta_val classes, got 1"):
        take_stock(found, EpisodeSizes())
