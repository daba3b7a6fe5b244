"""Stretches of one series that do not belong: windows judged against the rest of the series.

A window is told by its values in order of size and by its steps in order of size, whatever their place in it: the
Euclidean distance of two such rows is the Wasserstein distance of the two windows' values. Beside these stand a few
numbers, by which a window is explained. Windows that overlap are near by themselves and are not compared, as in a
matrix profile. Since what goes wrong mostly lasts, a window's score is the mean over the windows around it.

Reference: Yeh et al. 2016, "Matrix Profile I", ICDM, for the exclusion of overlapping windows.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from metafuse.encoders.series_values import Series, fill_gaps, normalise_series
from metafuse.errors import ShapeError
from metafuse.features import Features
from metafuse.schema import Modality
from metafuse.services.anomaly import MIN_PRESENT, Anomalies, find_anomalies
from metafuse.services.surprise import combine

WINDOW = "values and changes"
"""What is judged in a window as a whole."""

N_WINDOWS = 80
"""Windows that a series is cut into, each half over the next, so twice as many in all."""

N_OVERLAPPING = 2
"""The last window, and windows of an odd length, overlap two others on a side."""

FEWEST_STEPS = 8
N_LASTING = 9
"""Half-overlapping windows that a score is averaged over, a sixteenth of the series."""


@dataclass(frozen=True)
class WindowAnomalies:
    """How unusual each window of a series is.

    Args:
        starts: First step of each window.
        n_steps: Steps of a window.
        anomalies: Scores, higher is more anomalous, and what stands out in each window.
    """

    starts: Int[np.ndarray, " n_windows"]
    n_steps: int
    anomalies: Anomalies


def find_window_anomalies(
    series: Series, *, n_windows: int = N_WINDOWS, n_lasting: int = N_LASTING, device: str = "auto"
) -> WindowAnomalies:
    """Judge every window of a series against all others.

    Args:
        series: Channels by steps; gaps are filled.
        n_windows: Windows side by side; each has at least `FEWEST_STEPS` steps.
        n_lasting: Windows a score is averaged over, the window itself in the middle; 1 for its own alone.
        device: "auto", "cpu" or "cuda", where neighbours are searched.
    Raises:
        ShapeError: the series is too short for windows to be compared.
    """
    n_steps = max(FEWEST_STEPS, series.shape[1] // n_windows)
    if series.shape[1] < FEWEST_STEPS * MIN_PRESENT:
        raise ShapeError(
            f"windows are compared in series of at least {FEWEST_STEPS * MIN_PRESENT} steps, this one has "
            f"{series.shape[1]}. Take a longer stretch of it."
        )
    windows, starts = cut_windows(fill_gaps(series), n_steps)
    features = describe_windows(windows)
    by_distance = find_anomalies(features, n_overlapping=N_OVERLAPPING, device=device)
    nothing = Features({}, {WINDOW: features.present[WINDOW]}, {})
    by_number = find_anomalies(nothing, numbers=measure_windows(windows), device=device)
    # all numbers together count as much as the distance
    both = combine([10**-by_distance.anomaly_score, 10**-by_number.anomaly_score], [1.0, 1.0])
    anomalies = Anomalies(average_lasting(both, n_lasting), {**by_distance.shares, **by_number.shares})
    return WindowAnomalies(starts, n_steps, anomalies)


def cut_windows(
    series: Series, n_steps: int
) -> tuple[Float[np.ndarray, "n_windows n_channels length"], Int[np.ndarray, " n_windows"]]:
    """Cut a series into windows, each half over the next; the last one ends where the series does.

    Returns:
        The windows and the first step of each.
    """
    last = series.shape[1] - n_steps
    starts = np.unique(np.append(np.arange(0, last + 1, max(1, n_steps // 2)), last))
    return np.stack([series[:, start : start + n_steps] for start in starts]), starts


def describe_windows(windows: Float[np.ndarray, "n n_channels n_steps"]) -> Features:
    """Sort the values and the steps of each window, in units of each channel's deviation over all windows."""
    n, n_channels, n_steps = windows.shape
    flat = windows.transpose(1, 0, 2).reshape(n_channels, -1)
    scaled = normalise_series(flat).series.reshape(n_channels, n, n_steps).transpose(1, 0, 2)
    return Features(
        {WINDOW: np.hstack([_sorted(scaled), _sorted(np.diff(scaled, axis=2))])},
        {WINDOW: np.ones(n, dtype=bool)},
        # distances count as they are: the length of a row says how far the values lie out
        {WINDOW: Modality.NUMERIC},
    )


def _sorted(windows: Float[np.ndarray, "n n_channels n_steps"]) -> Float[np.ndarray, "n dim"]:
    return np.sort(windows, axis=2).reshape(len(windows), -1).astype(np.float32)


def measure_windows(windows: Float[np.ndarray, "n n_channels n_steps"]) -> Mapping[str, Float[np.ndarray, " n"]]:
    """Take the numbers by which a window is explained, by name."""
    numbers: dict[str, Float[np.ndarray, " n"]] = {}
    changes = np.abs(np.diff(windows, axis=2))
    for channel in range(windows.shape[1]):
        of = f" of channel {channel + 1}" if windows.shape[1] > 1 else ""
        numbers |= {
            f"level{of}": windows[:, channel].mean(axis=1),
            f"spread{of}": windows[:, channel].std(axis=1),
            f"highest{of}": windows[:, channel].max(axis=1),
            f"lowest{of}": windows[:, channel].min(axis=1),
            f"largest change{of}": changes[:, channel].max(axis=1),
            f"mean change{of}": changes[:, channel].mean(axis=1),
        }
    return numbers


def average_lasting(anomaly_score: Float[np.ndarray, " n"], n_lasting: int) -> Float[np.ndarray, " n"]:
    """Average each window's score with those around it, as many on either side; 1 leaves them as they are."""
    from scipy.ndimage import uniform_filter1d

    return uniform_filter1d(anomaly_score, n_lasting, mode="nearest")
