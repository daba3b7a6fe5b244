"""What cleaning does to a time series where it is read: gaps filled, spikes smoothed, level and scale taken out."""

from collections.abc import Iterable
from dataclasses import dataclass

from metafuse.cleaning.series import SeriesRule
from metafuse.encoders.series_values import (
    count_gaps,
    fill_gaps,
    load_series,
    normalise_series,
    read_series,
    smooth_series,
    write_series,
)
from metafuse.sources.media import Media, MediaError

WINDOW = 5
"""Steps that one value is smoothed over."""


@dataclass(frozen=True)
class SeriesReader:
    """Reads a cell as `read_series` does, and cleans the series by a rule.

    Args:
        rule: What is done.
    """

    rule: SeriesRule

    def __call__(self, cell: object, media: Media) -> bytes:
        """Return the bytes of the cleaned series.

        Raises:
            MediaError: the cell holds no series that can be learned from.
        """
        return self.clean(cell, media).content

    def clean(self, cell: object, media: Media) -> "CleanSeries":
        """Clean the series of a cell, and count what that changes; the cell itself stays as it is."""
        series = load_series(read_series(cell, media))
        n_filled, n_smoothed = count_gaps(series), 0
        series = fill_gaps(series)
        if self.rule.smoothing != "none":
            series, n_smoothed = smooth_series(series, WINDOW, method=self.rule.smoothing)
        if self.rule.normalise:
            series = normalise_series(series).series
        return CleanSeries(write_series(series), n_filled, n_smoothed)


@dataclass(frozen=True)
class CleanSeries:
    """A series after cleaning.

    Args:
        content: Its bytes, as encoders take them.
        n_filled: Gaps filled.
        n_smoothed: Values changed by smoothing.
    """

    content: bytes
    n_filled: int
    n_smoothed: int


def count_series_steps(cells: Iterable[object], media: Media, rule: SeriesRule) -> str | None:
    """Say what cleaning changes in the series of some cells; None where it changes nothing.

    Args:
        cells: Cells that hold something; those that cannot be read are passed over.
        media: Unused: a series names no file.
        rule: What is done.
    """
    reader, cleaned = SeriesReader(rule), []
    for cell in cells:
        try:
            cleaned.append(reader.clean(cell, media))
        except MediaError:  # told where the cells are encoded
            continue
    n_filled, n_smoothed = sum(one.n_filled for one in cleaned), sum(one.n_smoothed for one in cleaned)
    done = [
        f"{n_filled:,} gaps filled" if n_filled else "",
        f"{n_smoothed:,} values smoothed" if n_smoothed else "",
        f"level and scale taken out of {len(cleaned):,} series" if rule.normalise and cleaned else "",
    ]
    said = ", ".join(part for part in done if part)
    return f"series of '{rule.column}': {said}" if said else None
