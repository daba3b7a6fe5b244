import json

import pytest

from metafuse.errors import ConfigError, SourceError
from metafuse.sources.base import collect
from metafuse.sources.files import DiskFile
from metafuse.sources.json_text import read_json, read_json_lines
from metafuse.sources.media import Media


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "items.json"
        path.write_text(text, encoding="utf-8")
        return DiskFile(path)

    return write


def test_json_lines_become_rows_with_the_union_of_their_fields(file):
    dataset = collect("x", read_json_lines(file('{"a": 1}\n\n{"b": "x", "a": 2.5}\n')), Media())
    assert dataset.frame["a"].tolist() == [1.0, 2.5]
    assert dataset.frame["b"].isna().tolist() == [True, False]


def test_bad_lines_are_set_aside_by_line(file):
    rows = read_json_lines(file('{"a": 1}\n{"a": \n[1]\n{"a": 2}\n{"a": 3}\n'))
    assert [bad.row_id for bad in rows.quarantine] == ["line 2", "line 3"]
    assert "is not JSON" in rows.quarantine[0].reason
    assert rows.quarantine[1].reason == "is not a JSON object with fields"
    assert collect("x", rows, Media()).frame["a"].tolist() == [1, 2, 3]


def test_mostly_bad_lines_are_an_error(file):
    with pytest.raises(SourceError, match=r"2 of 2 lines do not, the first at line 1.*name it \.json"):
        read_json_lines(file("[\n1]\n"))


def test_only_a_line_feed_ends_a_line(file):
    dataset = collect("x", read_json_lines(file('{"a": "x\u2028y\x85z"}\n')), Media())
    assert dataset.frame["a"].tolist() == ["x\u2028y\x85z"]


def test_nested_values_stay_json_text(file):
    dataset = collect("x", read_json_lines(file('{"a": {"é": [1, null]}}\n')), Media())
    assert json.loads(dataset.frame["a"][0]) == {"é": [1, None]}


def test_an_array_of_objects_becomes_rows(file):
    dataset = collect("x", read_json(file('[{"a": 1, "b": "x"}, {"a": 2}]')), Media())
    assert dataset.frame["a"].tolist() == [1, 2]


def test_arrays_under_keys_are_joined_and_named(file):
    stored = file('{"train": [["hello", "greet"], ["bye"]], "val": [["bye", "part"]], "test": []}')
    rows = read_json(stored, "train, val", ("text", "intent"))
    assert [(bad.row_id, bad.reason) for bad in rows.quarantine] == [("row 2", "has 1 fields, 'columns' names 2")]
    assert collect("x", rows, Media()).frame.to_dict("list") == {"text": ["hello", "bye"], "intent": ["greet", "part"]}


@pytest.mark.parametrize(
    ("text", "key", "error", "message"),
    [
        ('{"train": [], "n": 1, "val": []}', None, SourceError, 'the arrays train, val. Name one: key = "train"'),
        ('{"train": []}', "valid", ConfigError, "key 'valid' is no array in 'items.json'. It has: train"),
        ("5", None, SourceError, "should be an array of rows"),
        ('{"a": 1}\n{"a": 2}', None, SourceError, r"should be a JSON document.*\.jsonl"),
        ("[[1, 2]]", None, SourceError, "row 1 is not an object with fields"),
    ],
)
def test_other_documents_say_what_to_do(file, text, key, error, message):
    with pytest.raises(error, match=message):
        read_json(file(text), key)
