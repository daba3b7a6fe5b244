import pandas as pd
import pytest

from metafuse.errors import ConfigError, SchemaError, SourceError
from metafuse.sources.filtered import FilteredSource
from metafuse.sources.media import Media
from metafuse.sources.memory import MemorySource

FRAME = pd.DataFrame({"a": [1, 2, 3, 1], "b": ["x", "y", "x", None]})


def keep(values, max_rows=None, frame=FRAME):
    return FilteredSource("t", MemorySource("t", frame, Media()), values, max_rows)


@pytest.mark.parametrize(
    ("values", "max_rows", "expected"),
    [
        ({"b": ["x"]}, None, [1, 3]),
        ({"a": ["1", "2"], "b": ["x", "y"]}, None, [1, 2]),
        ({"a": ["1"]}, 1, [1]),
        ({}, 2, [1, 2]),
    ],
)
def test_only_wanted_rows_are_kept(values, max_rows, expected):
    source = keep(values, max_rows)
    assert source.read().frame["a"].tolist() == expected
    assert [value for batch in source.batches() for value in batch["a"].to_pylist()] == expected


def test_positions_are_counted_anew_but_a_callers_index_stays():
    assert keep({"a": ["3"]}).read().frame.index.tolist() == [0]
    assert keep({"a": ["3"]}, frame=FRAME.set_axis(list("wxyz"))).read().frame.index.tolist() == ["y"]


def test_the_fingerprint_follows_what_is_kept():
    prints = {keep({"a": ["1"]}).fingerprint, keep({"a": ["2"]}).fingerprint, keep({"a": ["1"]}, 1).fingerprint}
    assert len(prints) == 3


def test_what_keeps_nothing_says_why():
    with pytest.raises(SchemaError, match=r"no column 'c'\. It has: a, b"):
        keep({"c": ["1"]}).read()
    with pytest.raises(SourceError, match=r"no row with a in \['9'\]"):
        keep({"a": ["9"]}).read()
    with pytest.raises(ConfigError, match="max_rows must be at least 1, got 0"):
        keep({}, 0)
