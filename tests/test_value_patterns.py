import pandas as pd
import pytest

from metafuse.value_patterns import epoch_unit, number_share, parse_datetimes, parse_number, parse_numbers, present_mask


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12", (12.0, "")),
        ("1,5 kg", (1.5, "kg")),
        ("€ 1.200,50", (1200.5, "€")),
        ("$1,299.00", (1299.0, "$")),
        ("1,299", (1299.0, "")),
        ("0,125", (0.125, "")),
        ("12 500 km", (12500.0, "km")),
        ("-3e2", (-300.0, "")),
        ("7.5 %", (7.5, "%")),
    ],
)
def test_numbers_written_for_people_are_read(text, expected):
    assert parse_number(text) == expected


@pytest.mark.parametrize("text", ["", "1.0.2", "4/5", "A12", "two", "12 kg or so", "2024-01-02"])
def test_other_texts_are_no_numbers(text):
    assert parse_number(text) is None


def test_numbers_of_several_units_are_not_counted_together():
    assert number_share(["1 kg", "200 g", "3 kg", "4"]) == (0.75, "kg")


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


def test_datetimes_of_all_kinds_become_the_same_utc_time():
    expected = pd.Timestamp("2023-11-14T22:13:20Z")
    assert parse_datetimes(pd.Series([1_700_000_000]), "created_at")[0] == expected
    assert parse_datetimes(pd.Series(["2023-11-14 23:13:20+01:00", " "]), "when")[0] == expected
    assert parse_datetimes(pd.Series(pd.to_datetime(["2023-11-14 22:13:20"])), "when")[0] == expected
