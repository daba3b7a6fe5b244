import pandas as pd
import pytest

from metafuse.columns.value_patterns import (
    epoch_unit,
    find_separator,
    looks_like_dates,
    number_share,
    parse_numbers,
    present_mask,
    split_parts,
)


@pytest.mark.parametrize("text", ["", "1.0.2", "4/5", "A12", "two", "12 kg or so", "2024-01-02", "01234"])
def test_other_texts_are_no_numbers(text):
    assert number_share([text]) == (0.0, "")


def test_units_that_convert_to_each_other_are_counted_together():
    assert number_share(["1 kg", "200 g", "3 kg", "4"]) == (1.0, "kg")


def test_units_that_do_not_are_not():
    assert number_share(["1 kg", "2 cm", "3 kg", "4 EUR"]) == (0.5, "kg")


def test_texts_for_a_missing_value_are_passed_over():
    assert number_share(["1 kg", "?", "n/a", "2 kg"]) == (1.0, "kg")
    assert number_share(["?", "-"]) == (0.0, "")
    assert looks_like_dates(["2024-01-02", "unknown", "2024-02-03"])
    assert not looks_like_dates(["?", "-"])


def test_leading_zeros_make_a_code():
    assert number_share(["01234", "09999"]) == (0.0, "")


def test_blank_text_is_missing():
    assert present_mask(pd.Series(["a", " ", None, ""])).tolist() == [True, False, False, False]
    assert present_mask(pd.Series([1, "", None], dtype=object)).tolist() == [True, False, False]


def test_written_numbers_become_floats_and_gaps_nan():
    parsed = parse_numbers(pd.Series(["1,5 kg", None, "much"]))
    assert parsed[0] == 1.5
    assert parsed.isna().tolist() == [False, True, True]


def test_seconds_and_milliseconds_are_told_apart_by_size_and_only_where_the_name_speaks_of_time():
    seconds = pd.Series([1_700_000_000, 1_700_000_100])
    assert epoch_unit("created_at", seconds) == "s"
    assert epoch_unit("timestamp", seconds * 1000) == "ms"
    assert epoch_unit("amount", seconds) is None


def test_lists_are_told_by_the_sign_between_parts_that_come_back():
    assert find_separator(["Cool|Indoor", "Indoor|Spring", "Cool|Spring", "Cool"], [1, 1, 1, 1]) == "|"
    assert find_separator(["a|b", "c", "d"], [1, 5, 5]) == ""
    assert find_separator([], []) == ""


def test_blank_parts_are_left_out():
    assert split_parts("Cool| |Indoor|", "|") == ["Cool", "Indoor"]
    assert split_parts("Cool|Indoor", "") == ["Cool|Indoor"]
