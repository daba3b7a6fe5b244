import json

import numpy as np
import pandas as pd
import pytest

from metafuse.errors import ConfigError, SchemaError
from metafuse.joins.combine import bring, names_taken
from metafuse.joins.matches import Matches, Pairs

LEFT = pd.DataFrame({"a": [1, 2, 3]}, index=list("xyz"))
RIGHT = pd.DataFrame(
    {
        "level": [10, 20, 40, 80],
        "note": pd.Series(["one", None, "three", "four"], dtype="str"),
        "big": [2**60, 2**60 + 1, 2**60 + 2, 2**60 + 3],
        "at": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"]),
        "gap": [1.0, np.nan, 3.0, np.nan],
    }
)
MATCHES = Matches(
    best=np.array([2, -1, 1]),
    distance=np.array([0.0, np.nan, 0.0]),
    n_fitting=np.array([3, 0, 1]),
    pairs=Pairs(left=np.array([0, 0, 0, 2]), right=np.array([0, 1, 2, 1])),
)


def brought(several, *columns):
    return bring(LEFT, RIGHT, {column: column for column in columns}, MATCHES, several)


def test_rows_stay_as_many_in_order_and_under_their_index():
    found = brought("first", "level", "note", "at")
    assert found.index.tolist() == ["x", "y", "z"]
    assert found["a"].tolist() == [1, 2, 3]
    assert found["level"].tolist()[::2] == [40, 20]
    assert found["note"].isna().tolist() == [False, True, True]
    assert found["at"].dtype.kind == "M"
    assert found.loc["y"].drop("a").isna().all()


def test_whole_numbers_that_floats_do_not_hold_become_text():
    assert brought("first", "big")["big"].tolist()[::2] == [str(2**60 + 2), str(2**60 + 1)]


def test_numbers_are_averaged_and_the_rest_is_of_the_best_row():
    found = brought("mean", "level", "gap", "note")
    np.testing.assert_allclose(found["level"], [70 / 3, np.nan, 20])
    np.testing.assert_allclose(found["gap"], [2.0, np.nan, np.nan])
    assert found["note"].iloc[0] == "three"


def test_numbers_are_listed_as_series_and_texts_as_lines():
    found = brought("list", "level", "gap", "note", "at")
    assert json.loads(found["level"].iloc[0]) == [10, 20, 40]
    assert json.loads(found["gap"].iloc[0]) == [1.0, None, 3.0]
    assert found["level"].isna().tolist() == [False, True, False]
    assert found["gap"].isna().tolist() == [False, True, True]
    assert found["note"].iloc[0] == "one\nthree"
    assert found["at"].iloc[0] == pd.Timestamp("2024-01-03")


@pytest.mark.parametrize(
    ("take", "expected"),
    [
        (None, {"level": "level", "note": "sensors_note"}),
        (("note", "at", "note"), {"note": "sensors_note", "at": "at"}),
    ],
)
def test_columns_are_taken_but_those_joined_by_and_named_apart(take, expected):
    assert names_taken(["id", "note"], ["at", "level", "note"], ["at"], take, "sensors") == expected


def test_columns_that_cannot_be_taken_are_named():
    with pytest.raises(SchemaError, match=r"join 's': it has no column 'x' to take\. It has: at, level"):
        names_taken(["id"], ["at", "level"], ["at"], ("x",), "s")
    with pytest.raises(SchemaError, match="join 's': it has no column besides those it is joined by"):
        names_taken(["id"], ["at"], ["at"], None, "s")
    with pytest.raises(ConfigError, match=r"join 's': two columns would be called 's_id'\. Give the join another name"):
        names_taken(["id", "s_id"], ["id"], [], None, "s")
