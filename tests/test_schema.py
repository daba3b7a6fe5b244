import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from metafuse.errors import SchemaError
from metafuse.schema import Modality, infer_schema

DATA = Path(__file__).parents[2] / "shared" / "data"


def _frame(n_rows: int = 60) -> pd.DataFrame:
    """Returns of a shop: every kind of column, with gaps."""
    rows = range(n_rows)
    return pd.DataFrame(
        {
            "return_id": [f"R-{row:04d}" for row in rows],
            "note": [f"the screen of unit {row} shows {row % 7} dead lines" if row % 20 else None for row in rows],
            "photo": [f"photos/{row}.png" if row % 10 else None for row in rows],
            "weight": [f"{row / 8 + 1:.2f} kg".replace(".", ",") for row in rows],
            "price": [9.5 + row * 1.25 for row in rows],
            "shop": [("Bern", "Graz", "Ulm")[row % 3] for row in rows],
            "returned_at": [f"2024-0{1 + row % 9}-11T10:00:00Z" for row in rows],
            "page": [f"https://shop.example/{row}" for row in rows],
            "currency": ["EUR" for _ in rows],
            "reason": [("broken", "late", "wrong size")[row % 3] if row < 15 else None for row in rows],
        }
    )


def _modalities(frame: pd.DataFrame, **arguments) -> dict[str, str]:
    return {column.name: str(column.modality) for column in infer_schema(frame, **arguments).columns}


def test_every_column_of_a_mixed_table_gets_its_modality():
    assert _modalities(_frame()) == {
        "return_id": "id",
        "note": "text",
        "photo": "image",
        "weight": "numeric",
        "price": "numeric",
        "shop": "categorical",
        "returned_at": "datetime",
        "page": "ignored",
        "currency": "ignored",
        "reason": "label",
    }


def test_reasons_say_what_was_seen():
    reasons = {column.name: column.reason for column in infer_schema(_frame()).columns}
    assert reasons["return_id"] == "unique short codes, named 'return_id'"
    assert reasons["reason"] == "by its name only; 3 classes on 15 of 60 rows"
    assert reasons["page"] == "holds web addresses, never fetched"


def test_overrides_win_over_values():
    found = _modalities(_frame(), overrides={"shop": Modality.IGNORED, "price": Modality.CATEGORICAL})
    assert (found["shop"], found["price"]) == ("ignored", "categorical")


def test_label_argument_wins_over_override_and_name():
    found = _modalities(_frame(), overrides={"reason": Modality.LABEL}, label_column="shop")
    assert (found["shop"], found["reason"]) == ("label", "ignored")


def test_strongest_label_name_wins_and_unique_or_measured_columns_are_no_label():
    frame = pd.DataFrame({"text": list("abcdef"), "outcome": list("xxyyzz"), "intent": list("uuvvww")})
    assert infer_schema(frame).label_column == "intent"
    frame = pd.DataFrame({"text": ["a b", "c d", "e f", "g h"] * 9, "target": np.linspace(0, 1, 36)})
    assert infer_schema(frame).label_column is None
    frame = pd.DataFrame({"x": [1.5, 2.5, 3.5, 9.5], "y": [4.5, 3.5, 9.5, 1.5]})
    assert infer_schema(frame).label_column is None


def test_empty_label_column_is_still_the_label():
    frame = pd.DataFrame({"text": ["a b", "c d", "e f"], "label": [None, None, None]})
    assert infer_schema(frame).label_column == "label"


def test_plain_id_beats_other_identifiers_which_are_ignored():
    frame = pd.DataFrame({"image_id": list("abcd"), "id": [4, 9, 2, 7], "note": ["a b", "c d", "e f", "g h"]})
    assert _modalities(frame) == {"image_id": "ignored", "id": "id", "note": "text"}


def test_row_counters_are_ids():
    frame = pd.DataFrame({"Unnamed: 0": range(6), "size": [1.5, 3, 2, 9, 8, 7]})
    assert infer_schema(frame).id_column == "Unnamed: 0"


def test_the_only_content_is_not_taken_for_an_id():
    frame = pd.DataFrame({"host": ["alpha", "beta", "gamma", "delta"], "label": ["good", "bad"] * 2})
    assert _modalities(frame) == {"host": "text", "label": "label"}


def test_group_ids_are_ignored_because_they_leak():
    frame = _frame(180).assign(product_id=[f"P{row // 3:03d}" for row in range(180)])
    column = next(column for column in infer_schema(frame).columns if column.name == "product_id")
    assert column.modality == Modality.IGNORED
    assert "identifies a group: 60 distinct values on 180 rows" in column.reason


def test_repeated_ids_are_named():
    frame = pd.DataFrame({"id": ["a", "b", "a", None], "note": ["x y", "z u", "v w", "r s"]})
    with pytest.raises(SchemaError, match=r"'id' must name each row once, got repeated ids \('a'; 1 in all\) and rows"):
        infer_schema(frame)
    assert infer_schema(frame, overrides={"id": Modality.IGNORED}).id_column is None


def test_overridden_id_must_be_unique():
    with pytest.raises(SchemaError, match=r"'shop' must name each row once.*'Bern', 'Graz', 'Ulm'"):
        infer_schema(_frame(), overrides={"shop": Modality.ID})


def _trips(**columns) -> pd.DataFrame:
    return pd.DataFrame({"note": ["a b", "c d", "e f", "g h"], **columns})


def test_columns_that_are_latitude_and_longitude_name_each_other():
    frame = _trips(
        pickup_lat=[48.1, 48.2, 48.3, 48.4],
        pickup_lng=["11,5", "11,6", "11,7", "11,8"],
        dropoff_lat=[48.5, 48.6, 48.7, 48.8],
    )
    columns = {column.name: column for column in infer_schema(frame).columns}
    assert columns["pickup_lat"].modality == columns["pickup_lng"].modality == Modality.GEO
    assert columns["pickup_lat"].reason == "latitude of a place, with 'pickup_lng'"
    assert columns["pickup_lng"].reason == "longitude of a place, with 'pickup_lat'"
    assert columns["dropoff_lat"].modality == Modality.NUMERIC


def test_numbers_off_the_globe_are_no_places():
    frame = _trips(lat=[480.0, 520.0, 610.0, 48.5], long=[11.5, 12.5, 13.5, 14.5])
    assert infer_schema(frame).named(Modality.GEO) == []


def test_single_place_columns_of_numbers_are_refused():
    frame = _trips(lat=[48.1, 48.2, 48.3, 48.4])
    with pytest.raises(SchemaError, match=r"the place column 'lat' holds one number a row.*mark both as geo"):
        infer_schema(frame, overrides={"lat": Modality.GEO})


@pytest.mark.parametrize("modality", ["series", "vector", "geo", "audio", "pdf", "log", "document"])
def test_any_kind_of_content_alone_can_be_learned_from(modality):
    cells = {
        "series": [[1.5, 2, 3, 4], [1, 2, 3, 4.5, 5]],
        "vector": [[1.5, 2], [1, 2.5]],
        "geo": ["48.1374, 11.5755", "52.5200, 13.4050"],
        "audio": ["a.wav", "b.wav"],
        "pdf": ["a.pdf", "b.pdf"],
        "log": ["job 1 ended", "job 2 ended"],
        "document": ["a b", "c d"],
    }[modality]
    frame = pd.DataFrame({"content": cells, "label": ["x", "y"]})
    found = infer_schema(frame, overrides={"content": Modality(modality)} if modality in ("log", "document") else None)
    assert found.named(Modality(modality)) == ["content"]


def test_files_are_content_rather_than_ids_where_nothing_else_names_them():
    frame = pd.DataFrame({"file": ["a.wav", "b.wav", "c.wav"], "label": ["x", "y", "x"]})
    assert _modalities(frame) == {"file": "audio", "label": "label"}
    twice = frame.assign(sound=["1.wav", "2.wav", "3.wav"])
    assert _modalities(twice) == {"file": "id", "label": "label", "sound": "audio"}


@pytest.mark.parametrize(
    ("frame", "arguments", "message"),
    [
        (_frame(), {"overrides": {"foto": Modality.IMAGE}}, r"no column 'foto'; the source has 'return_id', 'note'"),
        (_frame(), {"label_column": "cause"}, r"no column 'cause'; the source has"),
        (
            _frame(),
            {"overrides": {"shop": Modality.LABEL, "reason": Modality.LABEL}},
            r"one column can be the label, got 'shop', 'reason'",
        ),
        (pd.DataFrame({"a": [1, 1], "b": [None, None]}), {}, r"no column is left to learn from.*'b': ignored, empty"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), {}, r"a name of its own, got several 'a'"),
        (pd.DataFrame({0: ["a b", "c d"]}), {}, r"column names must be text, got 0"),
    ],
)
def test_impossible_requests_are_refused(frame, arguments, message):
    with pytest.raises(SchemaError, match=message):
        infer_schema(frame, **arguments)


def test_large_tables_take_seconds():
    big = pd.concat([_frame(1000)] * 100, ignore_index=True).assign(return_id=range(100_000))
    started = time.perf_counter()
    assert infer_schema(big).id_column == "return_id"
    assert time.perf_counter() - started < 10


needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the real data sets are not here")


@needs_data
def test_luma_catalog():
    found = infer_schema(pd.read_csv(DATA / "luma_catalog" / "items.csv"))
    assert (found.id_column, found.label_column) == ("row_id", "category")
    assert found.named(Modality.IGNORED) == ["product_id"]
    assert found.named(Modality.TEXT) == ["name", "description"]
    assert found.named(Modality.IMAGE, Modality.NUMERIC) == ["price", "image"]
    assert {"color", "material", "pattern", "climate", "style"} < set(found.named(Modality.CATEGORICAL))


@needs_data
def test_appimage_catalog():
    found = infer_schema(pd.read_csv(DATA / "appimage_catalog" / "items.csv"))
    assert (found.id_column, found.label_column) == ("app", "category")
    assert found.named(Modality.IMAGE) == ["icon", "screenshot"]
    assert "architecture" in found.named(Modality.IGNORED)
    assert {"name", "comment", "summary", "description"} < set(found.named(Modality.TEXT))


@needs_data
def test_emoji_catalog():
    found = infer_schema(pd.read_csv(DATA / "emoji_catalog" / "items.csv"), label_column="group")
    assert (found.id_column, found.label_column) == ("codes", "group")
    assert found.named(Modality.TEXT, Modality.IMAGE) == ["name", "keywords", "image"]


@needs_data
@pytest.mark.parametrize("system", ["BGL", "HDFS", "Hadoop", "Linux", "OpenSSH", "Windows"])
def test_log_lines(system):
    frame = pd.read_csv(DATA / "loghub" / system / f"{system}_2k.log_structured.csv")
    found = infer_schema(frame, label_column="EventId")
    assert found.id_column == "LineId"
    assert found.named(Modality.LOG) == ["Content"]


@needs_data
def test_intent_sets():
    found = infer_schema(pd.read_csv(DATA / "banking77" / "train.csv"))
    assert (found.named(Modality.TEXT), found.label_column, found.id_column) == (["text"], "category", None)
    rows = json.loads((DATA / "clinc150" / "data_full.json").read_text())["train"]
    found = infer_schema(pd.DataFrame(rows, columns=["text", "intent"]))
    assert (found.named(Modality.TEXT), found.label_column, found.id_column) == (["text"], "intent", None)
