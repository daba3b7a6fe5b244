import numpy as np
import pytest

from metafuse.columns.number_lists import flat_numbers, list_shape


@pytest.mark.parametrize(
    ("cell", "shape"),
    [
        ([1, 2.5, None], (1, 3)),
        ((1, 2, 3, 4), (1, 4)),
        (np.arange(5), (1, 5)),
        (np.zeros((2, 7)), (2, 7)),
        (np.array([np.zeros(3), np.zeros(4)], dtype=object), (2, 4)),
        ([[1, 2, 3], [4, 5]], (2, 3)),
        ("[1, 2.5, null, NaN]", (1, 4)),
        ("[[1, 2], [3, 4]]", (2, 2)),
        ("[1. 2. 3.5]", (1, 3)),
        ("1 2 3 4 5 6 7 8", (1, 8)),
        ("0,5; 1,5; 2; 3; 4; 5; 6; 7", (1, 8)),
        ("1|2|3|4|5|6|7|?", (1, 8)),
    ],
)
def test_lists_of_numbers_in_all_forms(cell, shape):
    assert list_shape(cell) == shape


@pytest.mark.parametrize(
    "cell",
    [
        "1 2 3 4 5 6 7",
        "a b c d e f g h i",
        "[1, two]",
        ["a", "b"],
        [],
        [1, [2]],
        [True, False],
        [None, None, 1],
        [b"ab", b"cd"],
        3.5,
        None,
        "",
        {"a": [1, 2]},
        np.zeros((2, 2, 2)),
    ],
)
def test_other_cells_are_no_lists_of_numbers(cell):
    assert list_shape(cell) is None


def test_flat_numbers_keep_gaps():
    np.testing.assert_array_equal(flat_numbers("[1, null, 2.5]"), [1, np.nan, 2.5])
    np.testing.assert_array_equal(flat_numbers("0,5;1;2;3;4;5;6;7"), [0.5, 1, 2, 3, 4, 5, 6, 7])
    assert flat_numbers([[1, 2], [3, 4]]) is None
    assert flat_numbers("no numbers at all in these nine words here") is None
