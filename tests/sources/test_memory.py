import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from PIL import Image

from metafuse.errors import SourceError
from metafuse.sources.media import Media
from metafuse.sources.memory import read_memory

COLUMNS = {"id": [1, 2], "note": ["x", None]}


@pytest.mark.parametrize(
    "source",
    [
        pd.DataFrame(COLUMNS),
        pd.DataFrame(COLUMNS, dtype=object),
        pl.DataFrame(COLUMNS),
        pa.table(COLUMNS),
        pa.RecordBatch.from_pydict(COLUMNS),
        [{"id": 1, "note": "x"}, {"id": 2}],
    ],
    ids=["pandas", "objects", "polars", "pyarrow", "batch", "rows"],
)
def test_every_kind_of_table_gives_the_same_rows(source):
    memory = read_memory(source, "t", Media())
    frame = memory.read().frame
    assert frame["id"].tolist() == [1, 2]
    assert frame["note"].dtype == "str"
    assert frame["note"].isna().tolist() == [False, True]
    assert pa.Table.from_batches(memory.batches()).to_pydict() == COLUMNS
    assert memory.fingerprint == read_memory(source, "t", Media()).fingerprint


@pytest.mark.parametrize("row", [{"id": 1, "note": "x"}, pd.Series({"id": 1, "note": "x"}, name=7)])
def test_one_row_is_a_table(row):
    frame = read_memory(row, "t", Media()).read().frame
    assert frame.to_dict("records") == [{"id": 1, "note": "x"}]


def test_the_callers_index_is_kept_unless_it_repeats():
    frame = pd.DataFrame({"a": [1, 2, 3]}, index=["x", "y", "z"])
    assert read_memory(frame, "t", Media()).read().frame.index.tolist() == ["x", "y", "z"]
    frame.index = ["x", "x", "z"]
    assert read_memory(frame, "t", Media()).read().frame.index.tolist() == [0, 1, 2]


def test_the_callers_frame_is_left_as_it_was():
    frame = pd.DataFrame({"a": ["x", " "]}, dtype=object)
    read = read_memory(frame, "t", Media()).read().frame
    read.loc[0, "a"] = "changed"
    assert frame["a"].tolist() == ["x", " "]


@pytest.mark.parametrize("dtype", [object, "str"])
def test_blank_text_is_missing(dtype):
    frame = read_memory(pd.DataFrame({"a": pd.Series(["x", " ", ""], dtype=dtype)}), "t", Media()).read().frame
    assert frame["a"].isna().tolist() == [False, True, True]


def test_images_stay_as_they_are_and_stream_as_png():
    image = Image.new("RGB", (2, 2))
    frame = pd.DataFrame({"image": [image, np.zeros((2, 2, 3), np.uint8), None]})
    source = read_memory(frame, "t", Media())
    assert source.read().frame["image"][0] is image
    streamed = next(source.batches())["image"].to_pylist()
    assert streamed[0].startswith(b"\x89PNG")
    assert streamed[2] is None
    assert len(source.fingerprint) == 64


def test_the_fingerprint_follows_cells_and_index():
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": [dt.date(2026, 1, 1), None]})
    prints = {
        read_memory(each, "t", Media()).fingerprint
        for each in (frame, frame.assign(a=[1, 3]), frame.set_axis([5, 6]), frame.rename(columns={"a": "z"}))
    }
    assert len(prints) == 4


@pytest.mark.parametrize("source", [5, [1, 2], [], np.zeros(3), object()])
def test_other_objects_are_no_table(source):
    assert read_memory(source, "t", Media()) is None


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame(), "has no rows"),
        (pd.DataFrame({"a": []}), "has no rows"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), r"column names must differ, but \['a'\]"),
        (pd.DataFrame([[1, 2]], columns=["a", ""]), "column 2 has none"),
    ],
)
def test_tables_that_cannot_be_used_say_why(frame, message):
    with pytest.raises(SourceError, match=message):
        read_memory(frame, "t", Media()).read()


def test_an_empty_arrow_table_has_no_rows():
    with pytest.raises(SourceError, match="has no rows"):
        read_memory(pa.table({"a": pa.array([], pa.int64())}), "t", Media()).read()
