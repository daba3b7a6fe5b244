import numpy as np
import pandas as pd
import pytest

from metafuse.errors import AdaptationError, SchemaError
from metafuse.rows import class_indices, take_rows
from metafuse.schema import Column, Modality, Schema
from metafuse.sources.base import Dataset, Quarantined
from metafuse.sources.media import Media


def dataset(frame: pd.DataFrame, *quarantine: Quarantined) -> Dataset:
    return Dataset("test", frame, Media(files=False), quarantine)


def schema(**modalities: str) -> Schema:
    return Schema(tuple(Column(name, Modality(modality), "") for name, modality in modalities.items()))


FRAME = pd.DataFrame({"key": ["a", "b", "c"], "note": ["x", "y", "z"], "kind": [" late ", None, "5.0"]})
SCHEMA = schema(key="id", note="text", kind="label")


def test_own_labels_are_stripped_and_empty_ones_missing():
    rows = take_rows(dataset(FRAME), SCHEMA)
    assert rows.ids.tolist() == ["a", "b", "c"]
    assert rows.labels == ("late", None, "5.0")
    assert len(rows) == 3


def test_labels_from_outside_replace_the_sources_own():
    assert take_rows(dataset(FRAME), SCHEMA, {"b": "size"}).labels == (None, "size", None)


def test_labels_of_quarantined_rows_are_no_mistake():
    bad = Quarantined("z", None, "damaged")
    assert take_rows(dataset(FRAME, bad), SCHEMA, {"b": "size", "z": "late"}).labels == (None, "size", None)
    with pytest.raises(AdaptationError, match="1 of 2 labels name no row of the source: y"):
        take_rows(dataset(FRAME, bad), SCHEMA, {"b": "size", "y": "late"})


def test_repeated_and_missing_ids_are_refused_unless_allowed():
    twice = FRAME.assign(key=["a", "a", "c"])
    with pytest.raises(SchemaError, match=r"id column 'key': expected unique ids, 1 occur more than once \(a\)"):
        take_rows(dataset(twice), SCHEMA)
    assert take_rows(dataset(twice), SCHEMA, unique_ids=False).ids.tolist() == ["a", "a", "c"]
    with pytest.raises(SchemaError, match="id column 'key': expected an id in every row, 1 are empty"):
        take_rows(dataset(FRAME.assign(key=["a", None, "c"])), SCHEMA)


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (pd.Index(["r1", "r2", "r3"]), ["r1", "r2", "r3"]),
        (pd.Index(["r1", "r1", "r3"]), [0, 1, 2]),
        (pd.MultiIndex.from_tuples([(1, "a"), (1, "b"), (2, "a")]), [0, 1, 2]),
    ],
)
def test_rows_without_an_id_column_are_named_by_a_unique_index(index, expected):
    rows = take_rows(dataset(FRAME.set_axis(index)), schema(note="text", kind="label"))
    assert rows.ids.tolist() == expected
    assert rows.frame.index.tolist() == [0, 1, 2]


def test_class_indices_are_places_among_the_classes():
    np.testing.assert_array_equal(class_indices(("b", None, "a", "b"), ("a", "b")), [1, -1, 0, 1])
