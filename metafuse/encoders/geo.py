"""Places on earth, so that nearness shows at every scale at which the places of a source differ.

A place becomes a point on a sphere, in kilometres from its centre. Distances through the sphere are right everywhere,
also across the date line and at the poles, and are those along the ground where places are near. From that point come
its offset from the source's centre in units of the source's spread, squashed, and random Fourier features at length
scales between the source's smallest and largest distances: two places have similar features at a scale when they are
nearer than that scale. Rows are L2-normalised.

Reference: Rahimi, Recht 2007, "Random Features for Large-Scale Kernel Machines", with the frequencies made orthogonal
as in Yu et al. 2016, "Orthogonal Random Features", arXiv:1610.09072.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from metafuse.columns.places import is_on_globe, parse_place
from metafuse.encoders.base import Encoded, Progress
from metafuse.errors import SchemaError
from metafuse.sources.media import Media, MediaError

VERSION = 1
RADIUS_KM = 6371.0
N_SCALES = 6
N_TRIPLES = 6
"""Triples of orthogonal frequencies at each scale; each frequency gives a sine and a cosine."""
SHORTEST_KM = 0.001
NEIGHBOURS = 3.0
"""Smallest length scale, in median distances to the nearest neighbour: below, every place would be alone."""
SQUASH = 3.0
NULL_ISLAND_KM = 300.0
"""A place at exactly 0, 0 is a gap written as numbers, where no other place is this near."""
FAR = 3.0
"""In units of the source's extent: beyond, a place is doubted if latitude and longitude swapped put it inside."""
_SAMPLE = 1000
_GAPS = ("", "nan", "nat", "none", "<na>")
"""Missing values as text."""


@dataclass(frozen=True)
class GeoEncoder:
    """Encodes places given as "latitude,longitude" in degrees.

    Args:
        centre: Middle of the source's places, in kilometres from the earth's centre.
        spread_km: Median distance of its places from the middle.
        extent_km: Distance within which nearly all its places are.
        scales_km: Length scales of the Fourier features, from small to large.
        frequencies: Of unit length scale, one row each.
        allows_zero: Whether some place of the source is near latitude 0, longitude 0.
    """

    centre: Float[np.ndarray, "3"]
    spread_km: float
    extent_km: float
    scales_km: tuple[float, ...]
    frequencies: Float[np.ndarray, "n_frequencies 3"]
    allows_zero: bool

    modality = "geo"

    @property
    def dim(self) -> int:
        """Three offsets, and a sine and a cosine of each frequency at each scale."""
        return 3 + 2 * len(self.scales_km) * len(self.frequencies)

    @cached_property
    def fingerprint(self) -> str:
        """Changes with anything that changes the features."""
        digest = hashlib.sha256(self.centre.tobytes() + self.frequencies.tobytes())
        digest.update(repr((self.spread_km, self.extent_km, self.scales_km, self.allows_zero)).encode())
        return f"geo/{VERSION}:{digest.hexdigest()}"

    def encode(self, values: Sequence[str], progress: Progress | None = None) -> Encoded:
        """Encode places; one that is far from the others for a reason that can be told is a failure."""
        degrees = _split(values)
        points = _to_sphere(degrees)
        failures = self._doubts(degrees, points)
        offsets = (points - self.centre) / self.spread_km
        offsets /= np.sqrt(1 + (np.linalg.norm(offsets, axis=1, keepdims=True) / SQUASH) ** 2)
        blocks = [offsets]
        for scale in self.scales_km:
            angles = (points - self.centre) @ self.frequencies.T / scale
            blocks += [np.sin(angles), np.cos(angles)]
        n_waves = len(self.scales_km) * len(self.frequencies)
        matrix = np.concatenate([blocks[0], *(block * np.sqrt(SQUASH / n_waves) for block in blocks[1:])], axis=1)
        matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
        matrix[list(failures)] = 0
        if progress is not None:
            progress(len(values))
        return Encoded(matrix.astype(np.float32), failures)

    def _doubts(
        self, degrees: Float[np.ndarray, "n_items 2"], points: Float[np.ndarray, "n_items 3"]
    ) -> dict[int, str]:
        doubts = {}
        is_far = np.linalg.norm(points - self.centre, axis=1) > FAR * self.extent_km
        swapped = np.linalg.norm(_to_sphere(degrees[:, ::-1]) - self.centre, axis=1) <= self.extent_km
        for row in np.flatnonzero((is_far & swapped & (np.abs(degrees[:, 1]) <= 90)) | ~degrees.any(axis=1)):
            if not degrees[row].any():
                if not self.allows_zero:
                    doubts[int(row)] = "latitude and longitude are both 0, far from every other place: a gap as numbers"
            else:
                latitude, longitude = degrees[row]
                doubts[int(row)] = (
                    f"latitude {latitude:g}, longitude {longitude:g} is far from the other places, "
                    "and amid them with the two swapped"
                )
        return doubts


def read_place(cell: object, media: Media) -> str:
    """Read a place from a cell that holds both coordinates, or from the pair of cells that hold one each.

    Args:
        cell: As `parse_place` takes it, or a pair of numbers or texts, latitude first.
        media: Unused: a place names no file.
    Returns:
        "latitude,longitude" in degrees, exact.
    Raises:
        MediaError: the cell is no place, or one outside the globe.
    """
    del media
    place = parse_place(cell)
    if place is None:
        raise MediaError(_describe_fault(cell))
    latitude, longitude = place
    if not is_on_globe(latitude, longitude):
        fault = f"latitude {latitude:g}" if abs(latitude) > 90 else f"longitude {longitude:g}"
        bound = 90 if abs(latitude) > 90 else 180
        swapped = "; latitude and longitude may be swapped" if is_on_globe(longitude, latitude) else ""
        raise MediaError(f"{fault} is outside the globe, from -{bound} to {bound}{swapped}")
    return f"{latitude!r},{longitude!r}"


def _describe_fault(cell: object) -> str:
    if isinstance(cell, list | tuple | np.ndarray) and len(cell) == 2:
        gaps = [half is None or str(half).strip().lower() in _GAPS for half in cell]
        if all(gaps):
            return "latitude and longitude are missing"
        if any(gaps):
            lacking, there = ("latitude", "longitude") if gaps[0] else ("longitude", "latitude")
            return f"{lacking} is missing, {there} is '{str(cell[gaps.index(False)])[:40]}'"
    return f"'{str(cell)[:40]}' is no latitude and longitude"


def fit_geo(values: Sequence[str], *, seed: int = 0) -> GeoEncoder:
    """Fit centre, spread and length scales to the places of a source.

    Args:
        values: What `read_place` returns, at least one.
        seed: Of the frequencies.
    Raises:
        SchemaError: there is no place.
    """
    if not values:
        raise SchemaError("a place column needs at least one place that can be read, got none. Mark it as ignored.")
    degrees = np.unique(_split(values), axis=0)
    others = degrees[degrees.any(axis=1)]
    points = _to_sphere(others if len(others) else degrees)
    null_island = _to_sphere(np.zeros((1, 2)))[0]
    allows_zero = len(others) == 0 or bool((np.linalg.norm(points - null_island, axis=1) <= NULL_ISLAND_KM).any())
    centre = np.median(points, axis=0)
    distances = np.linalg.norm(points - centre, axis=1)
    spread = max(float(np.median(distances)), SHORTEST_KM)
    extent = max(float(np.quantile(distances, 0.95)), spread)
    return GeoEncoder(centre, spread, extent, _find_scales(points, extent), _draw_frequencies(seed), allows_zero)


def _find_scales(points: Float[np.ndarray, "n_places 3"], extent_km: float) -> tuple[float, ...]:
    """Length scales in equal ratios, from the distance of nearest neighbours to that of the farthest places."""
    sample = points[np.linspace(0, len(points) - 1, min(len(points), _SAMPLE)).astype(int)]
    squares = (sample**2).sum(axis=1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * sample @ sample.T, 0))
    np.fill_diagonal(distances, np.inf)
    nearest = distances.min(axis=1)
    nearest = nearest[np.isfinite(nearest)]
    shortest = max(NEIGHBOURS * float(np.median(nearest)) if len(nearest) else SHORTEST_KM, SHORTEST_KM)
    return tuple(np.geomspace(min(shortest, extent_km), extent_km, N_SCALES).tolist())


def _draw_frequencies(seed: int) -> Float[np.ndarray, "n_frequencies 3"]:
    generator = np.random.default_rng(seed)
    triples = []
    for _ in range(N_TRIPLES):
        directions, _ = np.linalg.qr(generator.standard_normal((3, 3)))
        lengths = np.linalg.norm(generator.standard_normal((3, 3)), axis=1)
        triples.append(directions * lengths[:, None])
    return np.concatenate(triples)


def _split(values: Sequence[str]) -> Float[np.ndarray, "n_items 2"]:
    return np.array([[float(part) for part in value.split(",")] for value in values], dtype=np.float64).reshape(-1, 2)


def _to_sphere(degrees: Float[np.ndarray, "n_items 2"]) -> Float[np.ndarray, "n_items 3"]:
    latitude, longitude = np.radians(degrees.T)
    flat = np.cos(latitude)
    return RADIUS_KM * np.stack([flat * np.cos(longitude), flat * np.sin(longitude), np.sin(latitude)], axis=1)
