"""A small painter on numpy: shapes are signed distances, so any frame can be turned, shifted and scaled.

Only additions, products, square roots and comparisons reach a pixel, which every machine rounds alike;
sines and cosines are rounded before use. That is why the photos are the same bytes everywhere.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SIZE = 88
OVERSAMPLE = 2

Point = tuple[float, float]
Colour = tuple[int, int, int]
Distance = NDArray[np.float64]  # below zero inside the shape, in units of the page


class Frame(NamedTuple):
    """Coordinates of every fine pixel, -1..1 from left to right (u) and top to bottom (v)."""

    u: NDArray[np.float64]
    v: NDArray[np.float64]
    scale: float


@dataclass(frozen=True)
class Placement:
    """Where and how large something is drawn on the page."""

    centre: Point = (0.0, 0.0)
    angle: float = 0.0
    scale: float = 1.0


def make_frame(placement: Placement = Placement()) -> Frame:
    """Lay local coordinates over the page: the local square -1..1 lands at the placement."""
    n_fine = SIZE * OVERSAMPLE
    steps = (np.arange(n_fine) * 2 + 1) / n_fine - 1
    x, y = np.meshgrid(steps - placement.centre[0], steps - placement.centre[1])
    cos, sin = round(math.cos(placement.angle), 6), round(math.sin(placement.angle), 6)
    return Frame((x * cos + y * sin) / placement.scale, (y * cos - x * sin) / placement.scale, placement.scale)


def disc(frame: Frame, x: float, y: float, radius: float) -> Distance:
    """Measure the distance to a filled circle."""
    return (_length(frame.u - x, frame.v - y) - radius) * frame.scale


def ring(frame: Frame, x: float, y: float, radius: float, half_width: float) -> Distance:
    """Measure the distance to a circle's line."""
    return (np.abs(_length(frame.u - x, frame.v - y) - radius) - half_width) * frame.scale


def box(frame: Frame, x: float, y: float, half_width: float, half_height: float, *, corner: float = 0.0) -> Distance:
    """Measure the distance to an upright box with rounded corners."""
    du = np.abs(frame.u - x) - half_width + corner
    dv = np.abs(frame.v - y) - half_height + corner
    outside = _length(np.maximum(du, 0), np.maximum(dv, 0))
    return (outside + np.minimum(np.maximum(du, dv), 0) - corner) * frame.scale


def line(frame: Frame, points: tuple[Point, ...], half_width: float) -> Distance:
    """Measure the distance to a thick line through the points."""
    segments = [_segment(frame, start, end) for start, end in pairwise(points)]
    return (np.minimum.reduce(segments) - half_width) * frame.scale


def polygon(frame: Frame, points: tuple[Point, ...]) -> Distance:
    """Measure the distance to a filled polygon (even-odd rule)."""
    closed = (*points, points[0])
    inside = np.zeros(frame.u.shape, dtype=bool)
    for (x0, y0), (x1, y1) in pairwise(closed):
        if y0 != y1:
            crosses = (frame.v < y0) != (frame.v < y1)
            inside ^= crosses & (frame.u < x0 + (frame.v - y0) * ((x1 - x0) / (y1 - y0)))
    edge = line(frame, closed, 0.0)
    return np.where(inside, -edge, edge)


def _segment(frame: Frame, start: Point, end: Point) -> Distance:
    along = (end[0] - start[0], end[1] - start[1])
    du, dv = frame.u - start[0], frame.v - start[1]
    share = np.clip((du * along[0] + dv * along[1]) / (along[0] ** 2 + along[1] ** 2), 0, 1)
    return _length(du - share * along[0], dv - share * along[1])


def _length(du: NDArray[np.float64], dv: NDArray[np.float64]) -> Distance:
    return np.sqrt(du * du + dv * dv)


class Canvas:
    """The page being painted; later paint covers earlier paint."""

    def __init__(self, colour: Colour) -> None:
        """Start with a page of one colour."""
        n_fine = SIZE * OVERSAMPLE
        self._fine = np.empty((n_fine, n_fine, 3), dtype=np.int64)
        self._fine[:] = colour

    def paint(self, shape: Distance, colour: Colour, *, opacity_percent: int = 100) -> None:
        """Cover the inside of a shape."""
        inside = shape < 0
        under = self._fine[inside] * (100 - opacity_percent)
        self._fine[inside] = (under + np.asarray(colour) * opacity_percent) // 100

    def paint_outlined(self, shape: Distance, colour: Colour, outline: Colour, width: float = 0.03) -> None:
        """Cover a shape and draw a line around it."""
        self.paint(shape - width, outline)
        self.paint(shape, colour)

    def pixels(self) -> NDArray[np.int64]:
        """Return the page at its final size, (SIZE, SIZE, 3), 0..255."""
        blocks = self._fine.reshape(SIZE, OVERSAMPLE, SIZE, OVERSAMPLE, 3)
        return blocks.sum(axis=(1, 3)) // OVERSAMPLE**2
