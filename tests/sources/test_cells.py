import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from metafuse.sources.cells import as_text, in_columns, infer_types, plain, to_array, to_batch, to_frame, type_of


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([None, None], pa.null()),
        ([1, None], pa.int64()),
        ([1, 2.5], pa.float64()),
        ([Decimal("1.5")], pa.float64()),
        ([np.int32(3)], pa.int64()),
        ([True, None], pa.bool_()),
        ([True, 1], pa.string()),
        ([1, "one"], pa.string()),
        ([2**63], pa.string()),
        ([dt.date(2026, 1, 2), dt.datetime(2026, 1, 2, 3)], pa.timestamp("us")),
        ([b"x"], pa.binary()),
        ([{"a": 1}], pa.string()),
    ],
)
def test_a_column_gets_the_narrowest_type_that_holds_all_values(values, expected):
    assert type_of(values) == expected


def test_types_are_the_same_for_all_chunks():
    assert infer_types([{"a": [1], "b": [None]}, {"a": [0.5], "c": ["x"]}]) == {
        "a": pa.float64(),
        "b": pa.string(),
        "c": pa.string(),
    }


def test_rows_without_a_key_are_missing_there():
    chunks = list(in_columns([{"a": 1}, {"b": 2}, {"a": 3}], 2))
    assert chunks == [{"a": [1, None], "b": [None, 2]}, {"a": [3]}]
    batch = to_batch(chunks[1], {"a": pa.int64(), "b": pa.int64()})
    assert batch.to_pydict() == {"a": [3], "b": [None]}


def test_times_with_a_zone_become_utc():
    noon = dt.datetime(2026, 1, 2, 12, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    assert to_array([noon, None], pa.timestamp("us")).to_pylist() == [dt.datetime(2026, 1, 2, 10), None]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, None), (float("nan"), None), (pd.NaT, None), ("é", "é"), ({"a": ["é"]}, '{"a": ["é"]}'), (5, "5")],
)
def test_values_as_text(value, expected):
    assert as_text(value) == expected


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
        (pa.array([Decimal("1.50")]), [1.5]),
        (pa.array([dt.date(2026, 1, 2)]), [dt.datetime(2026, 1, 2)]),
        (pa.array([[1, 2], None]), ["[1, 2]", None]),
        (pa.array(["x"], pa.large_string()), ["x"]),
        (pa.array([b"x"], pa.large_binary()), [b"x"]),
        (pa.array([{"bytes": b"x", "path": None}]), [{"bytes": b"x", "path": None}]),
        (pa.array([None]), [None]),
        (pa.array([dt.time(1, 2)]), ["01:02:00"]),
    ],
)
def test_arrow_columns_become_plain(column, expected):
    assert plain(column).to_pylist() == expected


def test_blank_text_is_missing_in_a_frame():
    frame = to_frame(pa.table({"a": ["x", " ", ""], "n": [1, None, 3]}))
    assert frame["a"].isna().tolist() == [False, True, True]
    assert frame["a"].dtype == "str"
    assert frame["n"].dtype == "float64"


def test_long_whole_numbers_with_gaps_are_not_rounded():
    frame = to_frame(pa.table({"n": pa.array([2**53 + 1, None])}))
    assert frame["n"].iloc[0] == str(2**53 + 1)
