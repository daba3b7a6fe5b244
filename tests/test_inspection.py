import json

import pytest

import metafuse
from metafuse.encoders.text import TextEncoder
from metafuse.errors import SchemaError, SourceError


def test_a_source_is_described_without_encoding_anything(tickets, monkeypatch):
    monkeypatch.setattr(TextEncoder, "encode", None)
    found = metafuse.inspect(tickets())
    json.dumps(found)
    assert found["rows"] == 45
    assert found["labels"] == {"labelled": 12, "classes": 3, "labels a class": "4 to 4", "with one label": "none"}
    assert found["plan"]["encode text"] == "note with all-MiniLM-L6-v2"
    assert found["plan"]["encode table"] == "weight_kg, shop with skrub/scikit-learn"
    assert found["plan"]["adapt"] == "learner auto, fusion auto, 3 classes, 33 unlabelled rows as pool"


def test_gaps_repeats_and_single_labels_are_counted(tickets):
    frame = tickets()
    frame.loc[20:28, "shop"] = None
    frame.loc[6:, "reason"] = None
    frame.loc[5, "reason"] = None
    frame.loc[44, ["note", "weight_kg", "shop"]] = frame.loc[43, ["note", "weight_kg", "shop"]]
    found = metafuse.inspect(frame)
    missing = {each["column"]: each["missing"] for each in found["columns"]}
    assert missing["shop"] == "20%"
    assert found["labels"]["with one label"] == "size"
    assert any("1 of 3 classes have one label" in each for each in found["findings"])
    assert "1 row repeats another's content (T-043 = T-044)" in found["findings"]


def test_a_source_without_labels_is_described_and_told_what_is_needed(tickets):
    found = metafuse.inspect(tickets().drop(columns="reason"))
    assert found["labels"] == {"labelled": 0}
    assert found["plan"]["adapt"] == "cannot: labels of at least two classes are needed, 0 found"


def test_labels_from_outside_are_counted(tickets):
    found = metafuse.inspect(tickets().drop(columns="reason"), {"T-000": "a", "T-001": "b", "T-003": "a"})
    assert found["labels"]["labels a class"] == "1 to 2"


def test_the_id_of_a_long_table_is_no_content_where_ids_have_gaps(tmp_path):
    lines = [f"{machine},{moment},{moment % (2 + machine % 2)}" for machine in (1, 2, 5, 9) for moment in range(12)]
    (tmp_path / "readings.csv").write_text("\n".join(["machine,moment,value", *lines]))
    (tmp_path / "readings.toml").write_text(
        'name = "readings"\n[source]\npath = "readings.csv"\n'
        '[source.long]\nid = "machine"\ntime = "moment"\nvalues = ["value"]\n'
    )
    found = metafuse.inspect(tmp_path / "readings.toml")
    assert {each["column"]: each["modality"] for each in found["columns"]} == {"machine": "id", "series": "series"}


def test_a_possible_leak_is_told_once(tickets):
    frame = tickets()
    frame["code"] = frame["reason"].map({"power": "P", "late": "L", "size": "S"})
    told = [each for each in metafuse.inspect(frame)["findings"] if each.startswith("column 'code'")]
    assert told == [
        "column 'code' is suspicious: values and labels correspond one to one: 3 values, 3 labels, 9 of the 9 rows "
        "that could contradict it agree"
    ]


def test_one_row_is_told_in_the_singular(tickets):
    frame = tickets()
    frame.loc[20, ["note", "shop"]] = None
    found = metafuse.inspect(frame)["findings"]
    assert "1 row lacks note, shop together" in found


def test_bad_input_is_refused_as_by_adapt(tickets):
    with pytest.raises(SourceError, match="no source 'nope'"):
        metafuse.inspect("nope")
    with pytest.raises(SchemaError, match="no column 'zzz'"):
        metafuse.inspect(tickets(), label_column="zzz")
