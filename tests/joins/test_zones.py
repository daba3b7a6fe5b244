import numpy as np
import pandas as pd
import pytest

from metafuse.joins.zones import read_times


def seconds(text):
    return pd.Timestamp(text, tz="UTC").timestamp()


@pytest.mark.parametrize(
    ("cell", "zone", "utc"),
    [
        ("2024-07-01 12:00", "UTC", "2024-07-01 12:00"),
        ("2024-07-01 12:00", "Europe/Berlin", "2024-07-01 10:00"),
        ("2024-01-01 12:00", "Europe/Berlin", "2024-01-01 11:00"),
        ("2024-07-01", "Europe/Berlin", "2024-06-30 22:00"),
        ("2024-07-01T12:00:00Z", "Europe/Berlin", "2024-07-01 12:00"),
        ("2024-07-01T12:00:00-05:00", "Europe/Berlin", "2024-07-01 17:00"),
    ],
)
def test_the_zone_is_for_times_that_name_none(cell, zone, utc):
    assert read_times(pd.Series([cell], name="at"), zone).seconds.tolist() == [seconds(utc)]


def test_stored_times_and_counts_since_1970_are_read():
    stored = pd.Series(pd.to_datetime(["2024-07-01 12:00", None]), name="at")
    assert read_times(stored, "Europe/Berlin").seconds[0] == seconds("2024-07-01 10:00")
    assert read_times(stored.dt.tz_localize("Asia/Tokyo"), "Europe/Berlin").seconds[0] == seconds("2024-07-01 03:00")
    count = pd.Series([1_719_835_200], name="timestamp")
    assert read_times(count, "Europe/Berlin").seconds[0] == seconds("2024-07-01 12:00")


def test_what_is_missing_or_unreadable_is_told_apart():
    found = read_times(pd.Series(["2024-07-01 12:00", None, "soon", " "], name="at"), "UTC")
    assert np.isnan(found.seconds).tolist() == [False, True, True, True]
    assert found.missing.tolist() == [False, True, False, True]
    assert found.unreadable.tolist() == [False, False, True, False]


def test_the_hour_that_comes_twice_is_told_by_the_order_of_the_rows():
    # on 27 October 2024 Berlin's clock goes from 03:00 back to 02:00, which is 01:00 UTC
    shown = ["01:30", "02:00", "02:30", "02:00", "02:30", "03:00"]
    found = read_times(pd.Series([f"2024-10-27 {clock}" for clock in shown], name="at"), "Europe/Berlin")
    expected = ["2024-10-26 23:30", *(f"2024-10-27 {clock}" for clock in ("00:00", "00:30", "01:00", "01:30", "02:00"))]
    assert found.seconds.tolist() == [seconds(each) for each in expected]
    assert found.notes == (
        "4 times come twice when the clock of Europe/Berlin is put back; 4 were told apart by the order of the rows, "
        "0 taken for the first",
    )


def test_the_hour_that_comes_twice_is_the_first_where_nothing_tells():
    found = read_times(pd.Series(["2024-10-27 02:30"], name="at"), "Europe/Berlin")
    assert found.seconds.tolist() == [seconds("2024-10-27 00:30")]
    assert "0 were told apart by the order of the rows, 1 taken for the first" in found.notes[0]


def test_the_hour_that_is_skipped_is_read_an_hour_on():
    # on 31 March 2024 Berlin's clock goes from 02:00 on to 03:00, which is 01:00 UTC
    found = read_times(pd.Series(["2024-03-31 01:30", "2024-03-31 02:30"], name="at"), "Europe/Berlin")
    assert found.seconds.tolist() == [seconds("2024-03-31 00:30"), seconds("2024-03-31 01:30")]
    assert found.notes == ("1 times are skipped when the clock of Europe/Berlin is put forward; read as an hour later",)
