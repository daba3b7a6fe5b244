import numpy as np
import pandas as pd
import pytest

from metafuse.joins.by_time import match_times
from metafuse.joins.matches import Side
from metafuse.joins.spec import JoinSpec

LEFT = ["2024-05-01 10:00", "2024-05-01 11:00", None, "2024-05-01 12:00", "soon"]
RIGHT = ["2024-05-01 12:10", "2024-05-01 09:58", "2024-05-01 10:01", "2024-05-01 11:59", "2024-05-01 12:10"]


def match(left=LEFT, right=RIGHT, every=False, **options):
    spec = JoinSpec(source="x", by="time", left="at", **({"tolerance": "3 min"} | options))
    sides = (
        Side(name, pd.DataFrame({"at": pd.Series(cells, dtype="str")})) for name, cells in (("l", left), ("r", right))
    )
    return match_times(*sides, "j", spec, every=every)


@pytest.mark.parametrize(
    ("direction", "best", "distance"),
    [
        ("nearest", [2, -1, -1, 3, -1], [60, np.nan, np.nan, 60, np.nan]),
        ("before", [1, -1, -1, 3, -1], [120, np.nan, np.nan, 60, np.nan]),
        ("after", [2, -1, -1, -1, -1], [60, np.nan, np.nan, np.nan, np.nan]),
    ],
)
def test_the_right_time_is_taken(direction, best, distance):
    found = match(match=direction)
    assert found.best.tolist() == best
    np.testing.assert_array_equal(found.distance, distance)


def test_why_rows_have_no_time_is_told():
    found = match()
    assert {reason: rows.tolist() for reason, rows in found.left_reasons.items()} == {
        "have no time": [2],
        "have a time that cannot be read": [4],
    }


def test_of_two_as_near_the_earlier_and_of_equal_ones_the_first_row_wins():
    found = match(["2024-05-01 12:00", "2024-05-01 12:11"], ["2024-05-01 12:01", "2024-05-01 11:59", *RIGHT[:1] * 2])
    assert found.best.tolist() == [1, 2]
    assert found.n_fitting.tolist() == [2, 2]


def test_all_within_the_tolerance_are_listed_in_the_order_of_time():
    found = match(every=True, tolerance="2 h")
    assert found.pairs.left[:4].tolist() == [0, 0, 0, 1]
    assert found.pairs.right[:3].tolist() == [1, 2, 3]
    assert found.n_fitting.tolist() == [3, 4 + 1, 0, 3 + 1, 0]


def test_bounds_belong_to_the_tolerance():
    assert match(["2024-05-01 12:00"], ["2024-05-01 12:03"]).best.tolist() == [0]
    assert match(["2024-05-01 12:00"], ["2024-05-01 12:00"], match="before", tolerance=0).best.tolist() == [0]
    assert match(["2024-05-01 12:00"], ["2024-05-01 12:03:01"]).best.tolist() == [-1]


def test_zones_offset_and_drift_are_taken_out():
    right = ["2024-05-01 14:01:30", "2024-05-02 14:01:32"]
    left = ["2024-05-01 12:00", "2024-05-02 12:00"]
    given = {"right_zone": "Europe/Berlin", "offset": "90 s", "tolerance": "1 ms"}
    assert match(left, right, **given).best.tolist() == [0, -1]
    found = match(left, right, drift="2 s/day", **(given | {"tolerance": "1 s"}))
    assert found.best.tolist() == [0, 1]
    assert (found.offset_s, found.drift_s_per_day) == (90.0, 2.0)


def test_no_time_on_one_side_matches_nothing():
    found = match(["2024-05-01 12:00"], ["never", None])
    assert found.best.tolist() == [-1]
    assert found.n_fitting.tolist() == [0]


@pytest.mark.parametrize(
    ("direction", "reference"), [("nearest", "nearest"), ("before", "backward"), ("after", "forward")]
)
def test_distances_are_those_of_merge_asof(direction, reference):
    generator = np.random.default_rng(0)
    left, right = (pd.Series(np.sort(generator.integers(0, 20_000, n)), name="at") for n in (300, 200))
    expected = pd.merge_asof(
        pd.DataFrame({"at": left}),
        pd.DataFrame({"at": right, "other": right}),
        on="at",
        direction=reference,
        tolerance=40,
    )["other"]
    spec = JoinSpec(source="x", by="time", left="at", tolerance=40, match=direction)
    found = match_times(Side("l", left.to_frame()), Side("r", right.to_frame()), "j", spec, every=False)
    np.testing.assert_allclose(found.distance, np.abs(expected - left), atol=1e-6)


def test_where_hardly_any_is_near_it_says_how_far_they_are():
    left = [f"2024-05-0{day} 12:00" for day in range(1, 6)]
    right = [f"2024-05-0{day} 14:00" for day in range(1, 6)]
    assert match(left, right).notes == (
        "the nearest of its times is 7,200 s away for half of the rows: look at zones, offset and tolerance",
    )
    assert match(left, ["2023-01-01"]).notes == ("no time of the source is within a day of its times",)
    assert match(left, left).notes == ()
