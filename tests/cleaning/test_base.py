from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from metafuse.artifact import load_value, save_value
from metafuse.cleaning.base import Change, Cleaner, Finding, Kind, Replacement, undo
from metafuse.cleaning.missing import MissingRule
from metafuse.cleaning.outliers import OutlierRule
from metafuse.cleaning.series import SeriesRule
from metafuse.cleaning.units import UnitRule
from metafuse.cleaning.variants import VariantRule


@dataclass(frozen=True)
class Fixed:
    """Changes the first two rows to given values."""

    column: str
    values: tuple[object, ...]

    kind = Kind.VARIANT

    def replace(self, values: pd.Series) -> Replacement:
        return Replacement(np.arange(len(self.values)), self.values)


COLUMNS = {
    "text": pd.Series(["a", "b", None], dtype="str"),
    "object": pd.Series(["a", None, 3], dtype=object),
    "string": pd.Series(["a", None, "b"], dtype="string"),
    "category": pd.Series(["a", "b", None], dtype="category"),
    "ordered": pd.Series(pd.Categorical(["a", "b", "a"], categories=["b", "a", "unused"], ordered=True)),
    "whole": pd.Series([2**60 + 1, -999, 3]),
    "small": pd.Series([1, 2, 3], dtype="uint8"),
    "float": pd.Series([1.5, np.nan, 3.0]),
    "float32": pd.Series([1.5, np.nan, 3.0], dtype="float32"),
    "nullable": pd.Series([2**60 + 1, None, 3], dtype="Int64"),
    "arrow": pd.Series([1.5, None, 3.0], dtype="double[pyarrow]"),
}
TEXTUAL = ("text", "object", "string", "category", "ordered")


@pytest.mark.parametrize("index", [[5, 5, 7], ["x", "x", "x"], [0, 1, 2]])
@pytest.mark.parametrize("name", COLUMNS)
def test_undo_gives_the_rows_back_exactly(name, index):
    frame = pd.DataFrame({name: COLUMNS[name], "other": [1, 2, 3]}).set_axis(index)
    original = frame.copy(deep=True)
    new = ("new", None) if name in TEXTUAL else (None, None)
    cleaned = Cleaner((Fixed(name, new), Fixed(name, (None,)))).apply(frame)
    assert cleaned.frame[name].isna().tolist()[:2] == [True, True]
    assert (
        cleaned.frame[name].iloc[2] is frame[name].iloc[2]
        or cleaned.frame[name].iloc[2] == frame[name].iloc[2]
        or (pd.isna(cleaned.frame[name].iloc[2]) and pd.isna(frame[name].iloc[2]))
    )
    pd.testing.assert_frame_equal(frame, original)
    pd.testing.assert_frame_equal(undo(cleaned.frame, cleaned.changes), original)


def test_each_changed_cell_is_recorded():
    frame = pd.DataFrame({"colour": ["Red", "red", "blue", "n/a"]}, index=[9, 9, 9, 9])
    rules = (MissingRule("colour", ("n/a",)), VariantRule("colour", "", {"red": "Red"}, {"Red": 2, "blue": 1}))
    cleaned = Cleaner(rules).apply(frame)
    assert [change for changes in cleaned.changes for change in changes.cells()] == [
        Change(3, "colour", Kind.MISSING, "n/a", None),
        Change(1, "colour", Kind.VARIANT, "red", "Red"),
    ]
    assert [count.text for count in cleaned.summary()] == [
        "1 cell of 'colour': 1 word for nothing taken as missing",
        "1 cell of 'colour': 1 spelling merged into 1 value",
    ]
    assert cleaned.n_cells == 2


def test_a_column_that_rows_lack_is_passed_over():
    frame = pd.DataFrame({"size": [1]})
    cleaned = Cleaner((Fixed("colour", ("x",)),)).apply(frame)
    assert cleaned.frame is frame
    assert cleaned.changes == ()


def test_cleaning_cleaned_rows_changes_nothing():
    frame = pd.DataFrame({"weight": ["1 kg", "500 g", "-"], "n": [1, -999, 2]})
    rules = (
        MissingRule("weight", ("-",)),
        UnitRule("weight", ".", "kg", shares=False),
        OutlierRule("n", ".", (-999.0,)),
    )
    cleaner = Cleaner(rules)
    once = cleaner.apply(frame)
    assert once.n_cells == 3
    assert cleaner.apply(once.frame).changes == ()


def test_a_cleaner_is_saved_and_loaded(tmp_path):
    cleaner = Cleaner(
        (
            MissingRule("a", ("n/a",)),
            UnitRule("b", ".", "kg", shares=False),
            OutlierRule("c", ".", (-999.0,)),
            VariantRule("d", "|", {"red": "Red"}, {"Red": 2}),
        ),
        (SeriesRule("e", smoothing="median"),),
        (Finding("c", Kind.OUTLIER, 3, "0 stands apart"),),
    )
    save_value(cleaner, tmp_path, "cleaner")
    assert load_value(tmp_path, "cleaner") == cleaner


def test_changes_are_saved_and_taken_back_after_loading(tmp_path):
    frame = pd.DataFrame({"n": [1, -999, -999], "c": pd.Categorical(["a", "b", "a"])})
    cleaned = Cleaner((OutlierRule("n", ".", (-999.0,)), Fixed("c", ("new",)))).apply(frame)
    save_value(cleaned.changes, tmp_path, "changes")
    pd.testing.assert_frame_equal(undo(cleaned.frame, load_value(tmp_path, "changes")), frame)


def test_findings_say_where_and_how_many():
    finding = Finding("pressure", Kind.OUTLIER, 35, "0 stands apart")
    assert finding.text == "35 cells of 'pressure': 0 stands apart"


def test_series_have_the_rule_of_their_column():
    cleaner = Cleaner((), (SeriesRule("a", smoothing="median"),))
    assert cleaner.series_rule("a").smoothing == "median"
    assert cleaner.series_rule("b") == SeriesRule("b")
