import pandas as pd
import pytest

from metafuse.cleaning.missing import fit_missing
from metafuse.schema import Column, Modality


def missing(values, modality=Modality.CATEGORICAL) -> list[str]:
    """Texts that a column's rule takes for missing."""
    cells = pd.Series(values, dtype=object)
    rule, _ = fit_missing(Column("column", modality, ""), cells)
    return [] if rule is None else cells.iloc[rule.replace(cells).rows].tolist()


@pytest.mark.parametrize("word", ["n/a", "N/A ", "Unknown", "?", "-", "NULL", "keine Angabe"])
def test_words_for_nothing_beside_values_are_missing(word):
    assert missing(["red", "blue", word, None]) == [word]


def test_none_is_a_category_and_no_text_and_no_number():
    assert missing(["red", "blue", "none"]) == []
    assert missing(["It broke.", "Too small", "none"], Modality.TEXT) == ["none"]
    assert missing(["1", "2", "none"], Modality.NUMERIC) == ["none"]


def test_what_is_left_is_reported():
    _, findings = fit_missing(
        Column("parties", Modality.CATEGORICAL, ""), pd.Series(["none", "none", "guarantor", "two"])
    )
    assert [(found.n_cells, found.what) for found in findings] == [
        (2, "'none' may stand for a missing value, or be one; left as a value")
    ]


@pytest.mark.parametrize(
    "values",
    [
        ["+", "-", "a"],  # marks are values here
        ["x", "-", "x"],  # yes and no
        ["DE", "FR", "NA", "US"],  # Namibia
    ],
)
def test_marks_and_codes_among_their_like_are_values(values):
    assert missing(values) == []


def test_numbers_hold_no_words():
    cells = pd.Series([1.0, 2.0])
    assert fit_missing(Column("n", Modality.NUMERIC, ""), cells) == (None, ())
