import numpy as np
import pytest

from metafuse.cleaning.series import SMOOTHINGS, SeriesRule
from metafuse.encoders.series_steps import SeriesReader, count_series_steps
from metafuse.encoders.series_values import load_series
from metafuse.sources.media import Media, MediaError

NO_FILES = Media(files=False)


def read(cell, **options) -> np.ndarray:
    return load_series(SeriesReader(SeriesRule("signal", **options))(cell, NO_FILES))


def test_gaps_are_filled_along_a_line():
    assert read([1.0, None, 3.0]).tolist() == [[1.0, 2.0, 3.0]]


def test_a_spike_is_smoothed_and_counted():
    cell = [1.0, 1.0, 1.0, 9.0, 1.0, 1.0, 1.0]
    assert read(cell, smoothing="median").tolist() == [[1.0] * 7]
    rule = SeriesRule("signal", smoothing="median", normalise=True)
    assert count_series_steps([cell, [1.0, None, 3.0], "no series"], NO_FILES, rule) == (
        "series of 'signal': 1 gaps filled, 1 values smoothed, level and scale taken out of 2 series"
    )


def test_clean_series_have_nothing_to_count():
    assert count_series_steps([[1.0, 2.0]], NO_FILES, SeriesRule("signal")) is None


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_level_and_scale_are_taken_out(smoothing):
    series = read(list(np.sin(np.arange(40)) * 5 + 100), smoothing=smoothing, normalise=True)
    assert series.mean() == pytest.approx(0, abs=1e-9)
    assert series.std() == pytest.approx(1)


def test_a_cell_that_is_no_series_is_refused_with_its_reason():
    with pytest.raises(MediaError, match="one step"):
        read([1.0])
