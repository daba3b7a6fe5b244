"""What is done to the time series of a column when they are read."""

from dataclasses import dataclass

SMOOTHINGS = ("none", "median", "savgol")


@dataclass(frozen=True)
class SeriesRule:
    """Steps for the series of a column, after gaps are filled along straight lines.

    The cells stay as they are: `metafuse.encoders.series_steps` does the steps where a series is read.

    Args:
        column: Its name.
        smoothing: One of `SMOOTHINGS`.
        normalise: Take level and scale out of each series.
    """

    column: str
    smoothing: str = "none"
    normalise: bool = False
