from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from metafuse.written_values import (
    Quantity,
    find_blank,
    find_date_order,
    find_decimal_sign,
    parse_quantity,
    read_dates,
    read_number,
    read_numbers,
)


@pytest.mark.parametrize(
    ("text", "decimal", "expected"),
    [
        ("1,50", ".", 1.5),
        ("12 kg", ".", 12),
        ("12kg/m3", ".", 12),
        ("$ 3.20", ".", 3.2),
        ("USD 3.20", ".", 3.2),
        ("-5 °C", ".", -5),
        ("\N{MINUS SIGN}5", ".", -5),
        ("50%", ".", 50),
        (".5", ".", 0.5),
        ("1.5e3", ".", 1500),
        ("1,234", ".", 1234),
        ("1,234", ",", 1.234),
        ("1.234", ".", 1.234),
        ("1.234", ",", 1234),
        ("1.234,56 €", ".", 1234.56),
        ("1,234,567.8", ",", 1234567.8),
        ("1 234,5 kg", ",", 1234.5),
        ("1'234", ".", 1234),
        ("0,125", ".", 0.125),
        ("-$5", ".", -5),
        ("- 5", ".", -5),
        ("7.5 %", ".", 7.5),
        ("1,299.00 kg", ".", 1299),
        ("5 kg or so", ".", 5),
        (7, ".", 7),
        (True, ".", 1),
    ],
)
def test_quantities_are_read(text, decimal, expected):
    assert read_number(text, decimal) == expected


@pytest.mark.parametrize(
    "text",
    [
        "abc",
        "(5)",
        "12:3",
        "3 x 4",
        "10-20",
        "3/4",
        "2020-01-01",
        "1,2,3",
        "12 34",
        "5 or 6",
        "inf",
        float("inf"),
        None,
    ],
)
def test_what_is_no_single_number_is_not_read(text):
    assert read_number(text, ".") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12", Quantity(12.0, "", is_plain=True)),
        ("1,5 kg", Quantity(1.5, "kg", is_plain=True)),
        ("€ 1.200,50", Quantity(1200.5, "€", is_plain=True)),
        ("USD 7", Quantity(7.0, "USD", is_plain=True)),
        ("12kg/m3", Quantity(12.0, "kg/m3", is_plain=True)),
        ("12 kg or so", Quantity(12.0, "kg or so", is_plain=False)),
        ("A12", Quantity(12.0, "A", is_plain=False)),
    ],
)
def test_what_stands_around_a_number_is_its_unit(text, expected):
    assert parse_quantity(text, ".") == expected


@pytest.mark.parametrize(
    ("values", "sign"),
    [
        (["1,50", "2,75"], ","),
        (["1,234", "2,345"], "."),
        (["1.234,50", "7"], ","),
        (["1,234", "2.5"], "."),
        (["0,125"], ","),
        ([], "."),
    ],
)
def test_decimal_sign_is_that_of_the_clear_numbers(values, sign):
    assert find_decimal_sign(pd.Series(values, dtype=object)) == sign


def test_unreadable_numbers_are_counted_and_blank_ones_are_not():
    numbers, n_unreadable = read_numbers(pd.Series(["1,5 kg", "?", None, "n/a", "heavy", 3], dtype=object), ",")
    assert numbers == pytest.approx([1.5, np.nan, np.nan, np.nan, np.nan, 3], nan_ok=True)
    assert n_unreadable == 1


def test_infinite_numbers_count_as_unreadable():
    numbers, n_unreadable = read_numbers(pd.Series([1.0, np.inf, np.nan]), ".")
    assert numbers == pytest.approx([1, np.nan, np.nan], nan_ok=True)
    assert n_unreadable == 1


@pytest.mark.parametrize("dtype", ["Int64", "boolean", "float32"])
def test_typed_columns_are_read_as_they_are(dtype):
    numbers, n_unreadable = read_numbers(pd.Series([1, 0], dtype=dtype), ".")
    assert numbers.tolist() == [1.0, 0.0]
    assert n_unreadable == 0


def seconds(*when: int) -> float:
    return datetime(*when, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-05-03", seconds(2024, 5, 3)),
        ("2024-05-03T10:30:00+02:00", seconds(2024, 5, 3, 8, 30)),
        ("3/5/2024 10:30", seconds(2024, 5, 3, 10, 30)),
        ("May 3, 2024", seconds(2024, 5, 3)),
        (date(2024, 5, 3), seconds(2024, 5, 3)),
    ],
)
def test_dates_in_usual_forms_are_read(value, expected):
    assert read_dates(pd.Series([value], dtype=object), day_first=True)[0].tolist() == [expected]


def test_unreadable_dates_are_counted_and_blank_ones_are_not():
    dates, n_unreadable = read_dates(pd.Series(["2024-05-03", "", None, "soon"], dtype=object), day_first=False)
    assert np.isnan(dates).tolist() == [False, True, True, True]
    assert n_unreadable == 1


@pytest.mark.parametrize(
    ("values", "day_first"),
    [(["03/04/2024", "25/12/2023"], True), (["03/04/2024", "12/25/2023"], False), (["03/04/2024"], False)],
)
def test_date_order_is_the_one_that_fits_the_column(values, day_first):
    assert find_date_order(pd.Series(values)) is day_first


def test_dates_written_in_several_forms_are_all_read():
    values = pd.Series(["25.12.2023 08:00", "May 3, 2024", "2024-05-03", "03.05.2024 00:00", "12.25.2023 08:00"])
    dates, n_unreadable = read_dates(values, day_first=True)
    assert dates[:4].tolist() == [seconds(2023, 12, 25, 8)] + [seconds(2024, 5, 3)] * 3
    assert (np.isnan(dates[4]), n_unreadable) == (True, 1)


def test_typed_dates_keep_their_missing_cells():
    dates, n_unreadable = read_dates(pd.Series(pd.to_datetime(["2024-05-03", None])), day_first=False)
    assert dates == pytest.approx([seconds(2024, 5, 3), np.nan], nan_ok=True)
    assert n_unreadable == 0


@pytest.mark.parametrize(("epoch", "number"), [("s", 1_714_732_200), ("ms", 1_714_732_200_000)])
def test_numbers_that_count_time_since_1970_are_read(epoch, number):
    dates, n_unreadable = read_dates(pd.Series([number, None]), day_first=False, epoch=epoch)
    assert dates == pytest.approx([seconds(2024, 5, 3, 10, 30), np.nan], nan_ok=True)
    assert n_unreadable == 0


def test_blank_cells_are_found():
    assert find_blank(pd.Series(["x", " ", None, "N/A", 0], dtype=object)).tolist() == [False, True, True, True, False]
