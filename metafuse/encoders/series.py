"""Time series by their shapes at every scale: MiniRocket on the values and on their steps, beside level and scale.

A series is brought to the source's median length. Its channels, less their own level and in units of what is usual in
the source, go through MiniRocket, and so do their first differences; the shares of positive values are standardised,
projected on the main directions of the source's own series, and L2-normalised. A third block holds each channel's
level and scale and the length, in natural units: where series are alike in these, as normalised ones are, it is
nearly zero and adds no noise, and where they differ it is about as long as both others together.

Settings were chosen on four public sets and the training parts of four more, five labels a class.

Reference: Dempster, Schmidt, Webb 2021, "MINIROCKET: A Very Fast (Almost) Deterministic Transform for Time Series
Classification", arXiv:2012.08791; the differences as in Tan et al. 2022, "MultiRocket", arXiv:2102.00457.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from importlib.metadata import version

import numpy as np
from jaxtyping import Float

from metafuse.encoders.base import Encoded, Progress
from metafuse.encoders.rocket import RocketBlock, fit_rocket
from metafuse.encoders.series_values import Series, fill_gaps, load_series
from metafuse.errors import SchemaError

VERSION = 1
FEWEST_STEPS = 16
"""Shorter series are stretched to this length: a kernel covers nine steps, and the differences have one less."""

MOST_STEPS = 1024
FIT_SERIES = 2000
"""Series looked at when fitting, drawn with the seed where there are more."""

LEVEL_WEIGHT = 2**0.5
"""Where levels differ, they count as much as both MiniRocket blocks together."""

SQUASH = 3.0
"""No level or scale lies further out than this many units."""

LEAST_SCALE = 0.05
"""Share of the usual scale that is added to each, so that a constant channel is small and not infinitely so."""

FURTHEST = 1e6
_BATCH = 256


@dataclass(frozen=True)
class SeriesEncoder:
    """Encodes series of one count of channels.

    Args:
        n_steps: Length that series are brought to.
        usual_steps: Median length of the source's series.
        level: Median level of each channel.
        scale: Median deviation of each channel around its own level.
        spread: Deviation that levels have in the source and within a series together, the unit of a level.
        shapes: MiniRocket on the values.
        changes: MiniRocket on the first differences.
    """

    n_steps: int
    usual_steps: float
    level: Float[np.ndarray, " n_channels"]
    scale: Float[np.ndarray, " n_channels"]
    spread: Float[np.ndarray, " n_channels"]
    shapes: RocketBlock
    changes: RocketBlock

    modality = "series"

    @property
    def dim(self) -> int:
        """Directions of both MiniRocket blocks, a level and a scale for each channel, and the length."""
        return self.shapes.dim + self.changes.dim + 2 * len(self.level) + 1

    @cached_property
    def fingerprint(self) -> str:
        """Changes with anything that changes the features."""
        digest = hashlib.sha256(f"{self.n_steps} {self.usual_steps!r}".encode())
        for part in (self.level, self.scale, self.spread):
            digest.update(part.tobytes())
        for block in (self.shapes, self.changes):
            for field in fields(block):
                digest.update(np.ascontiguousarray(getattr(block, field.name)).tobytes())
        return f"series/{VERSION}:{digest.hexdigest()}; aeon {version('aeon')}"

    def encode(self, values: Sequence[bytes], progress: Progress | None = None) -> Encoded:
        """Encode series as `read_series` returns them; one of another count of channels is a failure.

        Raises:
            MissingExtraError: aeon is not installed.
        """
        matrix = np.zeros((len(values), self.dim), dtype=np.float32)
        failures: dict[int, str] = {}
        for start in range(0, len(values), _BATCH):
            batch = {start + at: load_series(content) for at, content in enumerate(values[start : start + _BATCH])}
            for position, series in batch.items():
                if len(series) != len(self.level):
                    failures[position] = f"has {len(series)} channels, the source's series have {len(self.level)}"
            rows = [position for position in batch if position not in failures]
            if rows:
                matrix[rows] = self._describe([fill_gaps(batch[position]) for position in rows])
            if progress is not None:
                progress(len(batch))
        return Encoded(matrix, failures)

    def _describe(self, batch: list[Float[np.ndarray, "n_channels _"]]) -> Float[np.ndarray, "n dim"]:
        shapes = np.stack([bring_to_length(in_units(series, self.scale), self.n_steps) for series in batch])
        blocks = [self.shapes.transform(shapes), self.changes.transform(np.diff(shapes, axis=2))]
        levels = np.stack([self._level_and_scale(series) for series in batch])
        return np.concatenate([*map(_unit_rows, blocks), levels], axis=1).astype(np.float32)

    def _level_and_scale(self, series: Series) -> Float[np.ndarray, " dim"]:
        level = (series.mean(axis=1) - self.level) / self.spread
        scale = np.log((series.std(axis=1) / self.scale + LEAST_SCALE) / (1 + LEAST_SCALE))
        length = np.log(series.shape[1] / self.usual_steps)
        both = np.concatenate([level, scale]) / np.sqrt(len(level))
        return LEVEL_WEIGHT * _squash(np.append(both, length))


def fit_series(values: Sequence[bytes], *, seed: int = 0) -> SeriesEncoder:
    """Fit the encoder to the series of a source; those with an unusual count of channels are left out.

    Args:
        values: What `read_series` returns.
        seed: Draws the series that are looked at where there are many, and channels and biases of MiniRocket.
    Raises:
        SchemaError: there is no series.
        MissingExtraError: aeon is not installed.
    """
    if not values:
        raise SchemaError("a series column needs at least one series that can be read, got none. Mark it as ignored.")
    if len(values) > FIT_SERIES:
        chosen = np.random.default_rng(seed).choice(len(values), FIT_SERIES, replace=False)
        values = [values[place] for place in np.sort(chosen)]
    read = [fill_gaps(load_series(content)) for content in values]
    counts = Counter(map(len, read))
    n_channels = max(counts, key=lambda count: (counts[count], -count))
    kept = [series for series in read if len(series) == n_channels]
    usual_steps = float(np.median([series.shape[1] for series in kept]))
    n_steps = int(np.clip(usual_steps, FEWEST_STEPS, MOST_STEPS))
    levels = np.stack([series.mean(axis=1) for series in kept])
    level = np.median(levels, axis=0)
    between = np.median(np.abs(levels - level), axis=0) / 0.6745
    scale = _usual_scale(np.stack([series.std(axis=1) for series in kept]), between)
    shapes = np.stack([bring_to_length(in_units(series, scale), n_steps) for series in kept])
    return SeriesEncoder(
        n_steps=n_steps,
        usual_steps=usual_steps,
        level=level,
        scale=scale,
        spread=np.hypot(scale, between),
        shapes=fit_rocket(shapes, seed),
        changes=fit_rocket(np.diff(shapes, axis=2), seed),
    )


def in_units(series: Series, scale: Float[np.ndarray, " n_channels"]) -> Series:
    """Take its own level out of each channel and divide by a scale; no value is left that overflows later."""
    return np.clip((series - series.mean(axis=1, keepdims=True)) / scale[:, None], -FURTHEST, FURTHEST)


def bring_to_length(series: Series, n_steps: int) -> Float[np.ndarray, "n_channels n_new"]:
    """Stretch or shrink a series without gaps to a number of steps.

    Along straight lines between values; where two steps or more become one, it is their mean, so that what lies
    between is not passed over.
    """
    n_had = series.shape[1]
    if n_had == n_steps:
        return series
    if n_had < 2 * n_steps:
        places = np.linspace(0, n_had - 1, n_steps)
        return np.stack([np.interp(places, np.arange(n_had), channel) for channel in series])
    edges = np.linspace(0, n_had, n_steps + 1)
    sums = np.concatenate([np.zeros((len(series), 1)), np.cumsum(series, axis=1)], axis=1)
    at_edges = np.stack([np.interp(edges, np.arange(n_had + 1), channel) for channel in sums])
    return np.diff(at_edges, axis=1) / np.diff(edges)


def _usual_scale(
    scales: Float[np.ndarray, "n n_channels"], between: Float[np.ndarray, " n_channels"]
) -> Float[np.ndarray, " n_channels"]:
    """Median deviation of each channel; where most are constant the mean one, else that of the levels, else 1."""
    usual = np.median(scales, axis=0)
    for other in (scales.mean(axis=0), between, np.ones_like(between)):
        usual = np.where(usual > 0, usual, other)
    return usual


def _unit_rows(matrix: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, "n dim"]:
    return matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)


def _squash(values: Float[np.ndarray, " dim"]) -> Float[np.ndarray, " dim"]:
    return values / np.sqrt(1 + (values / SQUASH) ** 2)
