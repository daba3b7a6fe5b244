import numpy as np

from metafuse.sources.join_report import JoinReport, Unmatched, unmatched_table

LEFT = Unmatched("left", "have no time", np.array([0, 4, 5, 9]), ("row 0: empty", "row 4: empty", "row 5: empty"))
RIGHT = Unmatched("right", "were taken by no row", np.array([7]), ("row 7: 10:00",))


def report(**more):
    return JoinReport("sensors", "time", n_left=1200, n_matched=1196, n_right=8, n_right_unused=1, **more)


def test_a_join_is_told_in_words():
    found = report(
        unmatched=(LEFT, RIGHT), unit="s", median_distance=4.0, n_several=3, offset_s=90.0, drift_s_per_day=2.0,
        notes=("its zone changed",),
    ).describe()  # fmt: skip
    assert found == [
        "join 'sensors': 1,196 of 1,200 rows met a row of it by time, half of them at most 4 s away",
        "join 'sensors': 3 rows fit more than one",
        "join 'sensors': its clock was taken to be 90 s ahead at its first row and to gain 2 s a day",
        "join 'sensors': its zone changed",
        "join 'sensors': 4 rows have no time (row 0: empty, row 4: empty, row 5: empty, ...)",
        "join 'sensors': 1 row of it was taken by no row (row 7: 10:00)",
    ]


def test_probabilities_are_told_as_such_and_keys_have_none():
    assert report(unit="", median_distance=0.1).describe()[0].endswith("half of them with a probability of 90% or more")
    assert report().describe() == ["join 'sensors': 1,196 of 1,200 rows met a row of it by time"]


def test_long_distances_are_told_without_powers_of_ten():
    assert report(unit="m", median_distance=1640.3).describe()[0].endswith("half of them at most 1,640 m away")


def test_every_row_that_met_none_is_listed():
    table = unmatched_table((report(unmatched=(LEFT, RIGHT)), report()))
    assert table["row"].tolist() == [0, 4, 5, 9, 7]
    assert table.iloc[-1].tolist() == ["sensors", "right", 7, "were taken by no row"]
    assert unmatched_table(()).empty
    assert list(unmatched_table(())) == ["join", "side", "row", "reason"]
