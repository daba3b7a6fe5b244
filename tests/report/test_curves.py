import base64
import re

import numpy as np

from metafuse.report.curves import HEIGHT, MAX_STEPS, curve


def drawn(series: np.ndarray) -> list[list[tuple[float, float]]]:
    head, _, content = curve(series).partition(",")
    assert head == "data:image/svg+xml;base64"
    lines = re.findall(r'points="([^"]*)"', base64.b64decode(content).decode())
    return [[tuple(map(float, point.split(","))) for point in line.split()] for line in lines]


def test_the_lowest_value_is_at_the_bottom_and_the_highest_at_the_top():
    (line,) = drawn(np.array([[0.0, 10.0, 5.0]]))
    assert [y for _, y in line] == [HEIGHT - 4, 4, HEIGHT / 2]
    assert [x for x, _ in line] == [4, 48, 92]


def test_a_gap_stays_open():
    assert [len(line) for line in drawn(np.array([[1.0, 2.0, np.nan, 3.0, 4.0, 5.0]]))] == [2, 3]


def test_a_peak_in_a_long_series_is_kept():
    series = np.zeros((1, 10_000))
    series[0, 5001] = 1.0
    (line,) = drawn(series)
    assert len(line) <= MAX_STEPS
    assert min(y for _, y in line) == 4


def test_a_level_series_and_one_without_values_are_no_error():
    assert len(drawn(np.ones((1, 3)))) == 1
    assert drawn(np.full((2, 3), np.nan)) == []
