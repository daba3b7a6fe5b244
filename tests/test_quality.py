import json
import time

import numpy as np
import pandas as pd

from metafuse.quality import examine
from metafuse.schema import Column, Modality, Schema, infer_schema


def _frame() -> pd.DataFrame:
    rows = range(40)
    words = ["screen", "cable", "button", "battery", "hinge", "fan", "lens", "strap"]
    frame = pd.DataFrame(
        {
            "id": [f"r{row}" for row in rows],
            "note": [f"the {words[row % 8]} of device {row * 37} failed after {row * 11 + 3} days" for row in rows],
            "weight": [f"{1 + row / 10:.1f} kg" for row in rows],
            "shop": [("Bern", "Graz", "Ulm")[row * 7 % 3] for row in rows],
            "label": [None if row >= 21 else "abc"[row % 3] if row < 20 else "rare" for row in rows],
        }
    )
    frame.loc[30, "note"] = " "
    frame.loc[31, "weight"] = "900 kg"
    frame.loc[33, ["note", "weight", "shop"]] = frame.loc[32, ["note", "weight", "shop"]]
    return frame


def test_gaps_outliers_repeats_and_classes_are_counted():
    frame = _frame()
    found = examine(frame, infer_schema(frame))
    columns = {column.name: column for column in found.columns}
    assert (columns["note"].n_missing, columns["note"].share_missing, columns["note"].n_distinct) == (1, 1 / 40, 38)
    assert columns["weight"].outliers == ("r31",)
    assert found.repeats.groups == (("r32", "r33"),)
    assert found.classes is not None
    assert (found.classes.n_labelled, found.classes.single) == (21, ("rare",))
    assert found.classes.counts == (("a", 7), ("b", 7), ("c", 6), ("rare", 1))


def test_findings_can_be_written_as_json():
    frame = _frame()
    found = json.loads(json.dumps(examine(frame, infer_schema(frame)).to_json()))
    assert found["repeats"]["groups"] == [["r32", "r33"]]
    assert found["columns"][0]["modality"] == "id"


def test_labels_from_outside_win_and_rows_without_ids_are_named_by_position():
    frame = pd.DataFrame({"code": ["x", "y"] * 20, "size": range(40)})
    schema = Schema((Column("code", Modality.CATEGORICAL, ""), Column("size", Modality.NUMERIC, "")))
    found = examine(frame, schema, pd.Series(["p", "q"] * 20))
    assert found.leaking == ["code"]
    assert examine(frame, schema).classes is None
    assert examine(frame, schema).leaks == ()
    assert examine(pd.concat([frame, frame.iloc[:1]], ignore_index=True), schema).repeats.groups == (("0", "40"),)


def test_numbers_among_words_are_reported():
    frame = pd.DataFrame({"doors": ["2", "3", "more", "more"] * 10})
    schema = Schema((Column("doors", Modality.CATEGORICAL, ""),))
    assert examine(frame, schema).columns[0].mixed == "20 numbers and 20 other values"


def test_long_tails_are_no_outliers():
    hours = np.r_[np.full(600, 40), np.arange(5, 95, 1), np.full(10, 400)].astype(float)
    schema = Schema((Column("hours", Modality.NUMERIC, ""),))
    assert examine(pd.DataFrame({"hours": hours}), schema).columns[0].n_outliers == 10


def test_cost_is_bounded_for_large_tables():
    generator = np.random.default_rng(0)
    words = np.array([f"{a}{b}{c}" for a in "bdfgk" for b in "aeiou" for c in "lmnrst"])
    n_rows = 100_000
    frame = pd.DataFrame(
        {
            "note": [" ".join(words[row]) for row in generator.integers(0, len(words), (n_rows, 8))],
            "shop": words[generator.integers(0, 30, n_rows)],
            "price": generator.standard_normal(n_rows),
            "label": words[generator.integers(0, 50, n_rows)],
        }
    )
    started = time.perf_counter()
    found = examine(frame, infer_schema(frame))
    assert time.perf_counter() - started < 30
    assert found.leaks == ()
