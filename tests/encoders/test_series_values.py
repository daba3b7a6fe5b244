import numpy as np
import pytest

from metafuse.encoders.series_values import (
    count_gaps,
    fill_gaps,
    load_series,
    normalise_series,
    read_series,
    smooth_series,
    write_series,
)
from metafuse.errors import ConfigError
from metafuse.sources.media import Media, MediaError


def read(cell) -> list[list[float]]:
    return load_series(read_series(cell, Media())).tolist()


@pytest.mark.parametrize(
    "cell",
    [
        [1, 2.5, 3],
        (1, 2.5, 3),
        np.array([1, 2.5, 3], dtype=np.float32),
        np.array([[1, 2.5, 3]]),
        ["1", "2.5", "3"],
        "[1, 2.5, 3]",
        "[1.  2.5 3. ]",
        b"[1, 2.5, 3]",
        "1;2.5;3",
        "1; 2,5; 3",
        "1|2.5|3",
        "1,2.5,3",
        " 1 2.5\t3 ",
    ],
)
def test_every_way_of_writing_gives_the_same_series(cell):
    assert read(cell) == [[1.0, 2.5, 3.0]]


@pytest.mark.parametrize(
    "cell",
    [[[1, 2], [3, 4]], "[[1, 2], [3, 4]]", np.array([[1, 2], [3, 4]]), np.array([[1, 2], [3, 4]], dtype=object)],
)
def test_channels_are_rows(cell):
    assert read(cell) == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize(
    "cell", [[1, None, 3], "[1, null, 3]", "[1, NaN, 3]", "1;;3", "1,?,3", "1 nan 3", [1, "NA", 3]]
)
def test_gaps_stay_and_are_counted(cell):
    series = load_series(read_series(cell, Media()))
    assert count_gaps(series) == 1
    assert np.isnan(series[0, 1])


def test_a_channel_that_ends_early_is_padded_with_gaps():
    series = load_series(read_series([[1, 2, 3], [4, 5]], Media()))
    assert count_gaps(series) == 1
    assert fill_gaps(series).tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 5.0]]


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("one two", "the series holds 'one', which is no number"),
        ("[1, 2", "should be a JSON list of numbers, and is not closed or not one"),
        ([1, True], "a value of type bool, which is no number"),
        ([1, [2, 3]], "the series mixes numbers and lists"),
        (3.5, "a value of type float is no series of numbers"),
        (np.array(["a", "b"]), "an array of <U1, not of numbers"),
        (np.zeros((2, 2, 2)), "one or two dimensions"),
        (b"\xff\xfe\x00", "holds bytes, not numbers"),
        ([], "the series has no value at all"),
        ("", "the series has no value at all"),
        ([[], []], "the series has no value at all"),
        ([None, np.nan], "every value of the series is missing"),
        ([1, np.inf, -np.inf, 1e300], "the series has 3 values that are infinite or beyond"),
        ("7", "the series has one step, and two are the fewest"),
        ([[1, 2, 3, 4], [5]], "its channels have from 1 to 4 steps"),
    ],
)
def test_a_cell_that_is_no_series_says_why(cell, reason):
    with pytest.raises(MediaError, match=reason):
        read_series(cell, Media())


def test_gaps_are_filled_along_a_line_and_held_at_the_ends():
    series = np.array([[np.nan, 1.0, np.nan, np.nan, 4.0, np.nan], [np.nan] * 6])
    assert fill_gaps(series).tolist() == [[1.0, 1.0, 2.0, 3.0, 4.0, 4.0], [0.0] * 6]
    assert count_gaps(series) == 10


def test_median_smoothing_takes_a_spike_out_and_counts_it():
    series = np.array([[1.0, 1.0, 9.0, 1.0, 1.0]])
    smoothed, n_changed = smooth_series(series, 3)
    assert smoothed.tolist() == [[1.0] * 5]
    assert n_changed == 1
    assert series[0, 2] == 9.0


def test_parabolas_pass_savgol_smoothing_unchanged():
    series = np.arange(9.0)[None] ** 2
    smoothed, n_changed = smooth_series(series, 5, method="savgol")
    assert smoothed == pytest.approx(series)
    assert n_changed == 0


def test_a_series_shorter_than_the_window_is_smoothed_over_its_length():
    assert smooth_series(np.array([[1.0, 5.0, 3.0, 2.0]]), 99)[0].shape == (1, 4)
    assert smooth_series(np.array([[1.0, 5.0]]), 5, method="savgol")[0].shape == (1, 2)


def test_what_smoothing_cannot_do_is_refused():
    with pytest.raises(ConfigError, match=r"an odd number from 3 up, got 4\. Use 5"):
        smooth_series(np.zeros((1, 9)), 4)
    with pytest.raises(ConfigError, match=r"unknown smoothing 'mean'\. Known: median, savgol"):
        smooth_series(np.zeros((1, 9)), 3, method="mean")


def test_normalising_is_turned_back():
    series = np.array([[2.0, 4.0, 6.0], [0.1, 0.1, 0.1]])
    normalised = normalise_series(series)
    assert normalised.series.mean(axis=1) == pytest.approx([0, 0])
    assert normalised.series[0].std() == pytest.approx(1)
    assert normalised.level == pytest.approx([4, 0.1])
    assert normalised.scale == pytest.approx([np.sqrt(8 / 3), 1])  # a constant channel keeps its unit
    assert normalised.restore() == pytest.approx(series)


def test_bytes_hold_the_numbers_exactly_and_no_code():
    series = np.array([[0.1, np.nan, 1e-300]])
    content = write_series(series)
    np.testing.assert_array_equal(load_series(content), series)
    assert content == read_series([0.1, None, 1e-300], Media())
