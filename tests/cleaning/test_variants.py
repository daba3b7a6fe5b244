import pandas as pd
import pytest

from metafuse.cleaning.variants import fit_variants


def merged(counts: dict[str, int]) -> dict[str, str]:
    rule = fit_variants("column", pd.Series([text for text, count in counts.items() for _ in range(count)]))
    return dict(rule.mapping)


def test_case_spaces_and_signs_make_no_difference_and_the_most_frequent_is_kept():
    counts = {"North Gate": 5, "north gate": 4, "North  Gate": 1, "north-gate": 1, "Old Mill": 3}
    assert merged(counts) == dict.fromkeys(["North  Gate", "north gate", "north-gate"], "North Gate")


def test_short_codes_are_merged_only_where_one_is_rare():
    assert merged({"M": 8, "m": 8}) == {}
    assert merged({"M": 20, "m": 2}) == {"m": "M"}


def test_a_rare_slip_joins_the_value_it_is_a_slip_of():
    assert merged({"Harbour Street": 20, "Harbor Street": 2, "Old Mill": 9}) == {"Harbor Street": "Harbour Street"}


@pytest.mark.parametrize(
    "counts",
    [
        {"Harbour": 9, "Harbor": 1},  # the right one is not frequent enough
        {"Harbour": 40, "Harbor": 5},  # the other one is not rare
        {"Harbour": 40, "Harbrur": 40, "Harbur": 1},  # it could be either
        {"Men": 50, "Women": 2, "XS": 30, "S": 1},
        {"A1": 50, "A2": 1, "1.0": 40, "1.1": 1, "2019": 50, "2018": 1},
        {"C": 50, "C++": 2, "C#": 2},
        {"AB": 50, "AB-": 2, "AB+": 2, "B": 50, "B-": 1},
        {"-": 50, "_": 1, "10": 50, "1.0": 1},
    ],
)
def test_other_values_stay_apart(counts):
    assert merged(counts) == {}


def test_a_slip_of_a_slip_joins_the_value():
    # "Harbuor" is seen ten times, which makes it no value of its own
    assert merged({"Harbour": 200, "Harbuor": 10, "HARBUOR": 1}) == dict.fromkeys(["Harbuor", "HARBUOR"], "Harbour")


def test_parts_of_lists_are_merged_one_by_one():
    values = pd.Series(["Cool|Indoor", "cool|Indoor", "Indoor|Spring", "Cool|Spring", "Spring|cool|Cool"] * 3)
    rule = fit_variants("climate", values)
    assert rule.separator == "|"
    found = rule.replace(values)
    assert found.rows[:2].tolist() == [1, 4]
    assert found.values[:2] == ("Cool|Indoor", "Spring|Cool")


def test_new_rows_are_judged_like_the_sources_own():
    rule = fit_variants("shop", pd.Series(["Harbour Street"] * 20 + ["Old Mill"] * 3 + ["M"] * 20))
    new = pd.Series(["HARBOUR  street", "Harbor Street", "old mill", "Olld Mill", "m", "Station Yard", None])
    found = rule.replace(new)
    assert found.rows.tolist() == [0, 1, 2, 4]
    assert found.values == ("Harbour Street", "Harbour Street", "Old Mill", "M")


def test_of_codes_that_differ_in_case_the_most_frequent_is_that_of_a_new_row():
    rule = fit_variants("size", pd.Series(["m"] * 11 + ["M"] * 20))
    assert rule.replace(pd.Series([" M", "m", "1"])).values == ("M",)


def test_row_order_makes_no_difference():
    values = pd.Series(["red ", "Red", "RED", "blue"] * 4)
    assert fit_variants("c", values) == fit_variants("c", values.iloc[::-1])


def test_columns_without_text_have_no_rule():
    assert fit_variants("n", pd.Series([1, 2, 1])) is None
    assert fit_variants("n", pd.Series([None, None], dtype=object)) is None
