"""Cells of a series column: lists, arrays and text of numbers, read to one array of channels by steps.

A series travels as the bytes of a `.npy` file, which hold the numbers exactly and no code. Gaps stay gaps (NaN) there;
filling, smoothing and normalising return new arrays, and each says what it needs to be counted or turned back.
"""

import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from metafuse.errors import ConfigError
from metafuse.sources.cells import EMPTY_MARKERS
from metafuse.sources.media import Media, MediaError

MOST_NUMBERS = 10_000_000
LARGEST = 1e30
"""Beyond, squares and sums of single-precision numbers end."""

SHORTEST_CHANNEL = 0.5
"""A channel that ends earlier than the longest is a series with a gap at its end, down to this share of its steps."""

_EMPTY = frozenset((*(marker.lower() for marker in EMPTY_MARKERS), "?", "none"))
_DECIMAL_COMMA = re.compile(r"[^,;.]*(,[0-9]+)?\s*(;[^,;.]*(,[0-9]+)?\s*)*")
_SHOWN_CHARS = 20

Series = Float[np.ndarray, "n_channels n_steps"]


def read_series(cell: object, media: Media) -> bytes:
    """Read a cell: a list, one list a channel, an array, JSON text, or numbers divided by `;`, `|`, `,` or spaces.

    Args:
        cell: The cell; empty places, "NaN" and "?" are gaps. With `;` between numbers, commas may be decimal ones.
        media: Unused: a series names no file.
    Returns:
        The series as the bytes of a `.npy` file, float64, (n_channels, n_steps), gaps as NaN.
    Raises:
        MediaError: the cell holds no series that can be learned from; the text says why.
    """
    del media
    series = _as_channels(_parse(cell))
    if series.size > MOST_NUMBERS:
        raise MediaError(f"the series has {series.size:,} numbers, more than the {MOST_NUMBERS:,} that are read")
    if series.size == 0:
        raise MediaError("the series has no value at all")
    if (n_endless := int((np.abs(series) > LARGEST).sum())) > 0:
        raise MediaError(f"the series has {n_endless:,} values that are infinite or beyond {LARGEST:g}")
    if np.isnan(series).all():
        raise MediaError("every value of the series is missing")
    if series.shape[1] == 1:
        raise MediaError("the series has one step, and two are the fewest")
    return write_series(series)


def write_series(series: Series) -> bytes:
    """Write a series as the bytes of a `.npy` file."""
    stream = io.BytesIO()
    np.save(stream, np.ascontiguousarray(series, dtype=np.float64), allow_pickle=False)
    return stream.getvalue()


def load_series(content: bytes) -> Series:
    """Read the bytes that `read_series` returns."""
    return np.load(io.BytesIO(content), allow_pickle=False)


def count_gaps(series: Series) -> int:
    """Count the values that are missing inside a series, over all channels."""
    return int(np.isnan(series).sum())


def fill_gaps(series: Series) -> Series:
    """Fill gaps along a straight line between their neighbours; gaps at an end hold the nearest value.

    A channel without any value becomes zero.
    """
    if not np.isnan(series).any():
        return series
    filled = np.zeros_like(series)
    steps = np.arange(series.shape[1])
    for channel, values in enumerate(series):
        known = ~np.isnan(values)
        if known.any():
            filled[channel] = np.interp(steps, steps[known], values[known])
    return filled


def smooth_series(series: Series, window: int, *, method: str = "median") -> tuple[Series, int]:
    """Smooth every channel of a series without gaps.

    Args:
        series: Values, gaps filled.
        window: Steps that one value is smoothed over, odd; at most the series' length.
        method: "median" takes single spikes out; "savgol" fits parabolas and keeps the height of peaks.
    Returns:
        The smoothed series and the number of values that changed.
    Raises:
        ConfigError: no such method, or the window is even or below 3.
    """
    from scipy.ndimage import median_filter
    from scipy.signal import savgol_filter

    if window < 3 or window % 2 == 0:
        raise ConfigError(f"a smoothing window is an odd number from 3 up, got {window}. Use {max(3, window | 1)}.")
    fitting = min(window, series.shape[1] - 1 + series.shape[1] % 2)
    if method == "median":
        smoothed = median_filter(series, size=(1, fitting), mode="nearest")
    elif method == "savgol":
        smoothed = savgol_filter(series, fitting, min(2, fitting - 1), axis=1)
    else:
        raise ConfigError(f"unknown smoothing '{method}'. Known: median, savgol. Use one of these names.")
    return smoothed, int((~np.isclose(smoothed, series)).sum())


@dataclass(frozen=True)
class Normalised:
    """A series brought to mean 0 and deviation 1, and what turns it back.

    Args:
        series: Each channel without level and scale.
        level: Mean of each channel.
        scale: Standard deviation of each channel; 1 where the channel is constant.
    """

    series: Series
    level: Float[np.ndarray, " n_channels"]
    scale: Float[np.ndarray, " n_channels"]

    def restore(self) -> Series:
        """Return the series as it was, up to rounding."""
        return self.series * self.scale[:, None] + self.level[:, None]


def normalise_series(series: Series) -> Normalised:
    """Take level and scale out of each channel of a series without gaps."""
    level, scale = series.mean(axis=1), series.std(axis=1)
    # what rounding alone makes of a constant channel is no variation
    scale = np.where(scale > 1e-9 * np.maximum(1.0, np.abs(level)), scale, 1.0)
    return Normalised((series - level[:, None]) / scale[:, None], level, scale)


def _parse(cell: object) -> object:
    if isinstance(cell, bytes):
        try:
            cell = cell.decode()
        except UnicodeDecodeError as err:
            raise MediaError("the cell holds bytes, not numbers") from err
    if not isinstance(cell, str):
        return cell
    text = cell.strip()
    if text.startswith("["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as err:
            if text.endswith("]") and text.count("[") == 1:  # an array as numpy prints it
                return _split(text.strip("[]"))
            raise MediaError(f"the cell should be a JSON list of numbers, and is not closed or not one: {err}") from err
    return _split(text)


def _split(text: str) -> list[str]:
    """Divide text at the strongest mark in it."""
    if ";" in text:
        if _DECIMAL_COMMA.fullmatch(text):
            text = text.replace(",", ".")
        return text.split(";")
    mark = next((mark for mark in "|," if mark in text), None)
    return text.split(mark)


def _as_channels(values: object) -> Series:
    if isinstance(values, np.ndarray) and values.dtype != object:
        array = _as_numbers(values)
    elif isinstance(values, Sequence | np.ndarray) and not isinstance(values, str):
        nested = [isinstance(value, Sequence | np.ndarray) and not isinstance(value, str) for value in values]
        if any(nested) and not all(nested):
            raise MediaError("the series mixes numbers and lists")
        array = _pad([_as_row(value) for value in values]) if any(nested) else _as_row(values)
    else:
        raise MediaError(f"a value of type {type(values).__name__} is no series of numbers")
    if array.ndim > 2 or array.ndim == 0:
        raise MediaError(f"a series has one or two dimensions (channels, steps), this one has {array.ndim}")
    return np.atleast_2d(array)


def _as_row(values: Sequence[object] | np.ndarray) -> Float[np.ndarray, " n_steps"]:
    if isinstance(values, np.ndarray) and values.dtype != object:
        row = _as_numbers(values)
    else:
        row = np.array([_as_number(value) for value in values], dtype=np.float64)
    if row.ndim != 1:
        raise MediaError(f"a series has one or two dimensions (channels, steps), this one has {row.ndim + 1}")
    return row


def _as_numbers(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind not in "iuf":
        raise MediaError(f"the series is an array of {values.dtype}, not of numbers")
    return values.astype(np.float64)


def _as_number(value: object) -> float:
    if value is None:
        return np.nan
    if isinstance(value, str):
        text = value.strip()
        if text.lower() in _EMPTY:
            return np.nan
        try:
            return float(text)
        except ValueError as err:
            raise MediaError(f"the series holds '{text[:_SHOWN_CHARS]}', which is no number") from err
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
        raise MediaError(f"the series holds a value of type {type(value).__name__}, which is no number")
    return float(value)  # type: ignore[arg-type]


def _pad(channels: list[Float[np.ndarray, " _"]]) -> Series:
    lengths = [len(channel) for channel in channels]
    if min(lengths) < SHORTEST_CHANNEL * max(lengths):
        raise MediaError(
            f"its channels have from {min(lengths):,} to {max(lengths):,} steps, too different to go side by side"
        )
    padded = np.full((len(channels), max(lengths)), np.nan)
    for row, channel in zip(padded, channels, strict=True):
        row[: len(channel)] = channel
    return padded
