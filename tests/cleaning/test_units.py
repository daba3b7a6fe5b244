import pandas as pd
import pytest

from metafuse.cleaning.units import fit_unit


def cleaned(column, values) -> list[str]:
    cells = pd.Series(values, dtype=object)
    rule, _ = fit_unit(column, cells)
    if rule is not None:
        found = rule.replace(cells)
        cells.iloc[found.rows] = list(found.values)
    return cells.tolist()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1,5 kg", "2,25 kg", "1500 g", "2 lb"], ["1,5 kg", "2,25 kg", "1,5 kg", "0,90718474 kg"]),
        (["1.5 kg", "4 kg", "2 KG", "750 g", "3"], ["1.5 kg", "4 kg", "2 KG", "0.75 kg", "3"]),
        (["90 min", "30 min", "2 h"], ["90 min", "30 min", "120 min"]),
        (["20 °C", "25 °C", "68 °F"], ["20 °C", "25 °C", "20 °C"]),
        (["2 GB", "3 GB", "500 MB"], ["2 GB", "3 GB", "0.5 GB"]),
        (["1 year", "2 years", "18 months"], ["1 year", "2 years", "1.5 year"]),
    ],
)
def test_numbers_are_brought_to_the_most_frequent_unit(values, expected):
    assert cleaned("size", values) == expected


def test_the_name_of_a_column_tells_the_unit_of_plain_numbers():
    assert cleaned("weight_kg", ["1.5", "2", "500 g", "700 g"]) == ["1.5", "2", "0.5 kg", "0.7 kg"]


def test_currencies_and_unknown_units_are_left_and_reported():
    values = ["5 €", "7 €", "6 $"]
    assert cleaned("price", values) == values
    _, findings = fit_unit("price", pd.Series(values))
    assert [(found.n_cells, found.what[:14]) for found in findings] == [(1, "numbers in '$'")]
    _, findings = fit_unit("weight", pd.Series(["5 kg", "7 kg", "6 boxes"]))
    assert [(found.n_cells, found.what[:18]) for found in findings] == [(1, "numbers in 'boxes'")]


def test_shares_of_one_beside_percents_become_percents():
    percents = ["12 %", "35 %", "7 %", "50 %", "80 %"]
    assert cleaned("share", [*percents, "0.12"]) == [*percents, "12 %"]


def test_small_numbers_beside_small_percents_are_left_and_reported():
    values = ["0.1 %", "0.3 %", "2 %", "5 %", "1 %", "0.5"]
    assert cleaned("share", values) == values
    _, findings = fit_unit("share", pd.Series(values))
    assert [(found.n_cells, found.what) for found in findings] == [
        (1, "numbers without a percent sign are taken for percents")
    ]


def test_numbers_without_units_have_no_rule():
    assert fit_unit("n", pd.Series([1.0, 2.0])) == (None, ())
    assert fit_unit("n", pd.Series(["1,5", "2"])) == (None, ())
