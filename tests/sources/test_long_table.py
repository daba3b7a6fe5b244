import json
import logging

import numpy as np
import pandas as pd
import pytest

from metafuse.errors import ConfigError, SchemaError, SourceError
from metafuse.sources.long_table import make_series
from metafuse.sources.open import SourceOptions, open_source
from metafuse.sources.options import LongTable
from metafuse.task import load_task, open_task

LONG = LongTable("machine", "ts", ("temp", "load"))


def minutes(*places: float) -> list[str]:
    start = pd.Timestamp("2024-05-01 12:00")
    return [str(start + pd.Timedelta(place, "min")) for place in places]


def table(**columns: list) -> pd.DataFrame:
    n = len(columns["ts"])
    return pd.DataFrame({"machine": ["a"] * n, "temp": list(range(n)), "load": [5.0] * n} | columns)


def series_of(frame: pd.DataFrame, long: LongTable = LONG) -> list:
    return [json.loads(cell) for cell in make_series(frame, long, "t")[0]["series"]]


def test_moments_become_one_row_an_id():
    frame = table(ts=minutes(0, 1, 0, 1, 2), machine=["b", "b", "a", "a", "a"], temp=[1, 2, 3, 4, 5])
    made, quarantine, report = make_series(frame, LONG, "t")
    assert made.columns.tolist() == ["machine", "series"]
    assert made["machine"].tolist() == ["b", "a"]
    assert [json.loads(cell)[0] for cell in made["series"]] == [[1, 2], [3, 4, 5]]
    assert quarantine == ()
    assert (report.n_series, report.n_unordered, report.n_resampled, report.step) == (2, 0, 0, 60.0)


def test_one_value_column_is_a_flat_list():
    assert series_of(table(ts=minutes(0, 1)), LongTable("machine", "ts", ("temp",))) == [[0, 1]]


def test_what_is_constant_within_each_id_goes_along():
    frame = table(ts=minutes(0, 1, 0, 1), machine=[1, 1, 2, 2], label=["bad", None, "ok", "ok"], note=list("wxyy"))
    made, _, report = make_series(frame, LONG, "t")
    assert made.columns.tolist() == ["machine", "label", "series"]
    assert made["label"].tolist() == ["bad", "ok"]
    assert report.varying == ("note",)


def test_unordered_moments_are_sorted_and_counted():
    made, quarantine, report = make_series(table(ts=minutes(2, 0, 1), temp=[3, 1, 2]), LONG, "t")
    assert json.loads(made["series"][0])[0] == [1, 2, 3]
    assert report.n_unordered == 1
    assert quarantine == ()


def test_uneven_moments_are_resampled_and_long_pauses_are_gaps():
    frame = table(ts=minutes(0, 1, 2, 3.5, 4.5, 9.5), temp=[0, 1, 2, 5, 6, 1])
    made, _, report = make_series(frame, LONG, "t")
    # the usual step is a minute; only minute 7 lies more than a step and a half from every moment
    assert json.loads(made["series"][0])[0] == [0, 1, 2, 4, 5.5, 5.5, 4.5, None, 2.5, 1.5]
    assert report.n_resampled == 1
    assert report.n_gaps == 2


def test_a_step_may_be_given_and_times_may_be_numbers():
    frame = table(ts=[0, 10, 20], temp=[0, 10, 20])
    assert series_of(frame, LongTable("machine", "ts", ("temp",), step=5.0)) == [[0, 5, 10, 15, 20]]


def test_missing_values_are_gaps():
    made, _, report = make_series(table(ts=minutes(0, 1, 2), temp=[1, None, 3]), LONG, "t")
    assert json.loads(made["series"][0]) == [[1, None, 3], [5, 5, 5]]
    assert report.n_gaps == 1


@pytest.mark.parametrize(
    ("columns", "column", "reason"),
    [
        ({"ts": minutes(0, 1, 1)}, "ts", "1 of its 3 times come more than once"),
        ({"ts": [*minutes(0, 1), "soon"]}, "ts", "1 of its 3 times are missing or cannot be read"),
        ({"ts": [*minutes(0, 1), None]}, "ts", "1 of its 3 times are missing or cannot be read"),
        ({"ts": minutes(0, 1), "temp": ["1", "hot"]}, "temp", "1 of its values are no finite numbers"),
        ({"ts": minutes(0, 1), "load": [1, np.inf]}, "load", "1 of its values are no finite numbers"),
        ({"ts": minutes(0)}, "ts", "has one moment, and two are the fewest of a series"),
        (
            {"ts": minutes(0, 1, 2, 40_000_000)},
            "ts",
            "spans 40,000,001 steps of 60 with 4 moments; a time may be wrong",
        ),
    ],
)
def test_an_id_that_makes_no_series_is_quarantined_with_its_reason(columns, column, reason):
    good = table(ts=minutes(*range(9)), machine=["good"] * 9)
    made, quarantine, report = make_series(pd.concat([table(**columns), good]), LONG, "t")
    assert made["machine"].tolist() == ["good"]
    assert [(entry.row_id, entry.column, entry.reason) for entry in quarantine] == [("a", column, reason)]
    assert report.n_series == 1


def test_a_row_without_an_id_is_quarantined():
    made, quarantine, _ = make_series(table(ts=minutes(0, 1, 2), machine=["a", None, "a"]), LONG, "t")
    assert len(made) == 1
    assert [(entry.row_id, entry.column) for entry in quarantine] == [("row 2", "machine")]


def test_a_source_is_read_long_then_filtered(caplog):
    frame = table(ts=minutes(0, 1, 1, 0), machine=["a", "a", "b", "b"], temp=[1, 2, 4, 3], label=[0, 0, 1, 1])
    source = open_source(frame, SourceOptions(long=LONG, keep={"label": ["1"]}))
    with caplog.at_level(logging.INFO):
        assert source.read().frame["machine"].tolist() == ["b"]
    assert "2 series made, one step 60; moments put in order in 1" in caplog.text
    assert [value for batch in source.batches() for value in batch["machine"].to_pylist()] == ["b"]
    other = open_source(frame, SourceOptions(long=LongTable("machine", "ts", ("temp",)), keep={"label": ["1"]}))
    assert other.fingerprint != source.fingerprint


def test_a_task_file_names_the_columns(tmp_path):
    table(ts=minutes(0, 1)).to_csv(tmp_path / "log.csv", index=False)
    task = 'name = "t"\n[source]\npath = "log.csv"\n[source.long]\nid = "machine"\ntime = "ts"\nvalues = ["temp"]\n'
    (tmp_path / "t.toml").write_text(task)
    assert open_task(load_task(tmp_path / "t.toml")).read().frame["series"].tolist() == ["[0.0, 1.0]"]
    (tmp_path / "t.toml").write_text(task + 'every = "minute"\n')
    with pytest.raises(ConfigError, match=r"unknown key 'source.long.every'. Known here: id, step, time, values"):
        load_task(tmp_path / "t.toml")


def test_wrong_columns_are_refused():
    frame = table(ts=minutes(0, 1))
    with pytest.raises(SchemaError, match=r"source 't' has no column 'when'. It has: machine, temp, load, ts"):
        make_series(frame, LongTable("machine", "when", ("temp",)), "t")
    with pytest.raises(SchemaError, match="has a column 'series' already"):
        make_series(frame.assign(series=1), LONG, "t")
    with pytest.raises(ConfigError, match="all different, got id 'ts', time 'ts'"):
        LongTable("ts", "ts", ("temp",))
    with pytest.raises(ConfigError, match=r"a step must be above 0, got -1\.0"):
        LongTable("id", "ts", ("temp",), step=-1.0)
    with pytest.raises(SourceError, match=r"has no series.*a: has one moment"):
        open_source(frame.head(1), SourceOptions(long=LONG)).read()
