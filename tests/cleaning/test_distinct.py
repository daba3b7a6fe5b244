import pandas as pd
import pytest

from metafuse.cleaning.distinct import find_distinct, replace_texts


@pytest.mark.parametrize("dtype", ["str", "object", "category", "string", "string[pyarrow]"])
def test_texts_are_listed_once_with_their_counts(dtype):
    distinct = find_distinct(pd.Series(["b", None, "a", "b"], dtype=dtype))
    assert sorted(zip(distinct.texts, distinct.counts, strict=True)) == [("a", 1), ("b", 2)]
    assert [distinct.texts[code] if code >= 0 else None for code in distinct.codes] == ["b", None, "a", "b"]


@pytest.mark.parametrize("values", [[1, 2], [1.5, None], [True, False], [[1], {"a": 2}], []])
def test_what_is_no_text_is_passed_over(values):
    assert find_distinct(pd.Series(values)).texts == ()


def test_numbers_among_texts_are_passed_over():
    distinct = find_distinct(pd.Series(["a", 3, ["b"], "a"], dtype=object))
    assert (distinct.texts, distinct.counts) == (("a",), (2,))
    assert distinct.codes.tolist() == [0, -1, -1, 0]


def test_only_cells_whose_text_changes_are_replaced():
    values = pd.Series(["a", "b", None, "b"], index=[1, 1, 1, 1])
    found = replace_texts(values, {"a": "a", "b": "c"}.get)
    assert found.rows.tolist() == [1, 3]
    assert found.values == ("c", "c")
    assert replace_texts(values, str.strip).values == ()
