import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from metafuse.errors import SchemaError, SourceError
from metafuse.sources.labels import read_labels, text_key


@pytest.mark.parametrize(
    ("value", "expected"),
    [(5, "5"), ("5", "5"), (5.0, "5"), (np.float32(5), "5"), (" 5 ", "5"), (5.5, "5.5"), ("05", "05"), (True, "True")],
)
def test_ids_and_labels_have_one_spelling(value, expected):
    assert text_key(value) == expected


@pytest.mark.parametrize("value", [None, float("nan"), pd.NA, pd.NaT, "", "  ", np.float64("nan")])
def test_a_missing_value_has_no_text(value):
    assert text_key(value) == ""


TABLE = {"row": [1, 2, 3], "reason": ["a", None, "b"]}


@pytest.mark.parametrize(
    "labels",
    [
        {1: "a", 2: None, 3: "b"},
        {"1": "a", 3.0: "b"},
        pd.Series(["a", None, "b"], index=[1, 2, 3]),
        pd.DataFrame(TABLE),
        pl.DataFrame(TABLE),
        pa.table(TABLE),
        pd.DataFrame({"Label": ["a", None, "b"], "row": [1, 2, 3]}),
        [{"row": 1, "reason": "a"}, {"row": 3, "reason": "b"}],
    ],
    ids=["mapping", "mixed keys", "series", "pandas", "polars", "pyarrow", "label first", "rows"],
)
def test_labels_are_read_by_id(labels):
    assert read_labels(labels) == {"1": "a", "3": "b"}


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet", "xlsx"])
def test_labels_are_read_from_a_file(tmp_path, suffix):
    path = tmp_path / f"labels.{suffix}"
    frame = pd.DataFrame(TABLE)
    match suffix:
        case "csv" | "tsv":
            frame.to_csv(path, index=False, sep="," if suffix == "csv" else "\t")
        case "jsonl":
            frame.to_json(path, orient="records", lines=True)
        case "parquet":
            frame.to_parquet(path)
        case "xlsx":
            frame.to_excel(path, index=False)
    assert read_labels(path) == read_labels(str(path)) == {"1": "a", "3": "b"}


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ({}, SchemaError, "no labels"),
        ({1: None, 2: ""}, SchemaError, "no labels"),
        ({1: "a", "1": "b", 2: "c"}, SchemaError, "1 ids have two: 1"),
        (pd.DataFrame({"id": [1, 1], "label": ["a", "b"]}), SchemaError, "1 ids have two: 1"),
        (pd.DataFrame({"id": [1], "x": [1], "label": ["a"]}), SchemaError, "need two columns, an id and a label"),
        ("no/such.csv", SourceError, "'no/such.csv' is no file"),
        (5, SourceError, "should be a mapping id -> label"),
    ],
)
def test_what_are_no_labels_says_why(labels, error, message):
    with pytest.raises(error, match=message):
        read_labels(labels)


def test_one_label_given_twice_is_no_conflict():
    assert read_labels(pd.DataFrame({"id": [1, 1], "label": ["a", "a"]})) == {"1": "a"}
