import numpy as np
import pandas as pd
import pytest

from metafuse.cleaning.base import Kind, undo
from metafuse.cleaning.fit import fit_cleaner
from metafuse.errors import ConfigError
from metafuse.schema import Column, Modality, Schema

SCHEMA = Schema(
    (
        Column("id", Modality.ID, ""),
        Column("note", Modality.TEXT, ""),
        Column("weight", Modality.NUMERIC, ""),
        Column("age", Modality.NUMERIC, ""),
        Column("shop", Modality.CATEGORICAL, ""),
        Column("day", Modality.DATETIME, ""),
        Column("signal", Modality.SERIES, ""),
        Column("label", Modality.LABEL, ""),
    )
)


@pytest.fixture
def frame() -> pd.DataFrame:
    n = 40
    frame = pd.DataFrame(
        {
            "id": ["n/a", *map(str, range(1, n))],
            "note": ["it broke", "-"] * (n // 2),
            "weight": [f"{row},5 kg" for row in range(n)],
            "age": np.arange(n) + 20,
            "shop": ["Harbour Street", "Old Mill"] * (n // 2),
            "day": ["2024-01-02", "2024-02-03"] * (n // 2),
            "signal": [[1.0, None, 3.0]] * n,
            "label": ["unknown", "late"] * (n // 2),
        },
        index=[7] * n,
    )
    frame.iloc[3, 2] = "1500 g"
    frame.iloc[[4, 5], 3] = -999
    frame.iloc[[0, 2], 4] = ["harbour street", "Harbor Street"]
    frame.iloc[6, 5] = "n/a"
    return frame


def test_each_kind_is_found_counted_and_taken_back(frame):
    original = frame.copy(deep=True)
    cleaner = fit_cleaner(frame, SCHEMA)
    cleaned = cleaner.apply(frame)
    assert [(count.column, count.kind, count.n_cells) for count in cleaned.summary()] == [
        ("note", Kind.MISSING, 20),
        ("weight", Kind.UNIT, 1),
        ("age", Kind.OUTLIER, 2),
        ("shop", Kind.VARIANT, 2),
        ("day", Kind.MISSING, 1),
    ]
    assert cleaned.frame["weight"].iloc[3] == "1,5 kg"
    assert cleaned.frame["shop"].unique().tolist() == ["Harbour Street", "Old Mill"]
    pd.testing.assert_frame_equal(frame, original)
    pd.testing.assert_frame_equal(undo(cleaned.frame, cleaned.changes), original)


def test_each_kind_can_be_switched_off(frame):
    cleaner = fit_cleaner(frame, SCHEMA, missing=False, units=False, outliers=False, variants=False)
    assert cleaner.rules == ()
    assert cleaner.apply(frame).frame is frame
    kinds = {rule.kind for rule in fit_cleaner(frame, SCHEMA, units=False, variants=False).rules}
    assert kinds == {Kind.MISSING, Kind.OUTLIER}


def test_series_carry_their_options(frame):
    assert fit_cleaner(frame, SCHEMA).series_rule("signal").smoothing == "none"
    rule = fit_cleaner(frame, SCHEMA, series_smoothing="savgol", series_normalise=True).series_rule("signal")
    assert (rule.smoothing, rule.normalise) == ("savgol", True)


def test_an_unknown_smoothing_is_refused(frame):
    with pytest.raises(ConfigError, match="expected one of none, median, savgol, got 'mean'"):
        fit_cleaner(frame, SCHEMA, series_smoothing="mean")


def test_new_rows_are_cleaned_by_the_same_rules(frame):
    rows = pd.DataFrame({"shop": ["HARBOUR STREET"], "age": [-999.0], "weight": ["2 lb"], "note": ["?"]})
    cleaned = fit_cleaner(frame, SCHEMA).apply(rows).frame
    assert cleaned["shop"].tolist() == ["Harbour Street"]
    assert cleaned["weight"].tolist() == ["0,90718474 kg"]
    assert cleaned[["age", "note"]].isna().all(axis=None)


def test_fitting_twice_gives_the_same_rules(frame):
    assert fit_cleaner(frame, SCHEMA) == fit_cleaner(frame.iloc[::-1], SCHEMA)


def test_labels_are_left_and_their_spellings_reported(frame):
    frame["label"] = ["Late", "late", "size", None] * 10
    cleaner = fit_cleaner(frame, SCHEMA)
    assert [found.text for found in cleaner.findings] == [
        "10 cells of 'label': labels look like spellings of others ('late' = 'Late'); left"
    ]
    assert all(rule.column != "label" for rule in cleaner.rules)
