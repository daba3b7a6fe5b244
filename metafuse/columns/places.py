"""Places: which columns are the two coordinates of one, and how people write both in one cell."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from metafuse.columns.value_patterns import name_words

LATITUDE_WORDS = ("latitude", "lat")
LONGITUDE_WORDS = ("longitude", "long", "lng", "lon")
PLACE_WORDS = frozenset(
    (
        *("location", "coordinates", "coordinate", "coords", "coord", "latlon", "latlng", "latlong"),
        *("geo", "gps", "geometry", "geopoint"),
    )
)
"""Words in the name of a column that holds both coordinates."""

_POINT = re.compile(r"(?i)(?:srid=\d+;\s*)?point\s*z?\s*\(\s*(\S+)\s+(\S+?)(?:\s+\S+)?\s*\)")
_COORDINATE = re.compile(
    r"""(?ix)\s*(?P<before>[NSEWO])?\s*(?P<sign>[-+\u2212]?)(?P<degrees>\d{1,3}(?:[.,]\d+)?)\s*[°d]?\s*
    (?:(?P<minutes>\d{1,2}(?:[.,]\d+)?)\s*['\u2032]\s*(?:(?P<seconds>\d{1,2}(?:[.,]\d+)?)\s*(?:"|''|\u2033)\s*)?)?
    (?P<after>[NSEWO])?\s*"""
)
_MOST_CHARS = 200
_WEST_OR_SOUTH = ("W", "S")
_EAST_OR_WEST = ("E", "O", "W")


def place_pairs(names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Find the columns that are latitude and longitude of one place, by their names.

    What is left of both names without the words for the coordinates must be the same: "pickup_lat" goes with
    "pickup_lng", not with "dropoff_lng".

    Returns:
        Latitude and longitude column of each place, in the columns' order.
    """
    names = list(names)
    longitudes: dict[tuple[str, ...], str] = {}
    for name in names:
        rest = _rest_of_name(name, LONGITUDE_WORDS)
        if rest is not None:
            longitudes.setdefault(rest, name)
    pairs = []
    for name in names:
        rest = _rest_of_name(name, LATITUDE_WORDS)
        if rest is not None and rest in longitudes:
            pairs.append((name, longitudes.pop(rest)))
    return tuple(pairs)


def is_on_globe(latitude: float, longitude: float) -> bool:
    """Tell whether coordinates in degrees are those of a place on earth."""
    return abs(latitude) <= 90 and abs(longitude) <= 180


def parse_place(cell: object) -> tuple[float, float] | None:
    """Read a cell that holds both coordinates.

    Args:
        cell: A pair (latitude, longitude), a mapping with such keys, or text: "48.137, 11.575", "48,137; 11,575",
            "48.137° N, 11.575° E", 48°8'14"N 11°34'31"E, "POINT (11.575 48.137)", or either as JSON. GeoJSON and
            POINT have the longitude first.
    Returns:
        Latitude and longitude in degrees, which may lie outside the globe; None where the cell is no place.
    """
    if isinstance(cell, str):
        return _parse_text(cell.strip()) if len(cell) <= _MOST_CHARS else None
    if isinstance(cell, Mapping):
        return _parse_mapping(cell)
    if isinstance(cell, list | tuple | np.ndarray):
        values = list(cell)
        if len(values) == 2:
            return _in_order(_degrees(values[0]), _degrees(values[1]))
    return None


def _in_order(first: tuple[float, str] | None, second: tuple[float, str] | None) -> tuple[float, float] | None:
    """Latitude, then longitude, whichever the letters say came first; gaps are no place."""
    if first is None or second is None or not np.isfinite([first[0], second[0]]).all():
        return None
    if (first[1] in _EAST_OR_WEST) and (second[1] not in _EAST_OR_WEST):
        first, second = second, first
    return first[0], second[0]


def _rest_of_name(name: str, endings: Sequence[str]) -> tuple[str, ...] | None:
    """The words of a name without the one for a coordinate; None where it has none."""
    words = name_words(name)
    for place, word in enumerate(words):
        ending = next((ending for ending in endings if word == ending), None)
        ending = ending or next((ending for ending in endings if len(ending) > 4 and word.endswith(ending)), None)
        if ending is not None:
            stem = word.removesuffix(ending)
            return (*words[:place], *([stem] if stem else []), *words[place + 1 :])
    return None


def _parse_mapping(cell: Mapping[object, object]) -> tuple[float, float] | None:
    point = cell.get("coordinates")
    if cell.get("type") == "Point" and isinstance(point, list | tuple | np.ndarray) and len(point) >= 2:
        return parse_place((point[1], point[0]))
    keys = {str(key).lower(): key for key in cell}
    latitude = next((cell[keys[word]] for word in LATITUDE_WORDS if word in keys), None)
    longitude = next((cell[keys[word]] for word in LONGITUDE_WORDS if word in keys), None)
    return None if latitude is None or longitude is None else parse_place((latitude, longitude))


def _parse_text(text: str) -> tuple[float, float] | None:
    if text.startswith("{"):
        try:
            return parse_place(json.loads(text))
        except (ValueError, RecursionError):
            return None
    point = _POINT.fullmatch(text)
    if point is not None:
        return parse_place((point[2], point[1]))
    text = text.strip("()[] ")
    for mark in (";", ",", "/", None):
        parts = [part for part in text.split(mark) if part.strip()]
        if len(parts) == 2:
            return parse_place(parts)
    # degrees, minutes and seconds apart: the letter of the hemisphere ends the first coordinate
    apart = re.fullmatch(r"(.*?[NS])[\s,;]*(.*[EWO])", text, re.IGNORECASE)
    return parse_place((apart[1], apart[2])) if apart is not None else None


def _degrees(value: object) -> tuple[float, str] | None:
    """Read one coordinate: degrees and the letter of its hemisphere, "" where it has none."""
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        return float(value), ""
    match = _COORDINATE.fullmatch(str(value))
    if match is None:
        return None
    parts = [match[name] for name in ("degrees", "minutes", "seconds")]
    degrees = sum(float(part.replace(",", ".")) / 60**place for place, part in enumerate(parts) if part)
    letter = (match["before"] or match["after"] or "").upper()
    is_negative = match["sign"] in ("-", "\N{MINUS SIGN}") or letter in _WEST_OR_SOUTH
    return -degrees if is_negative else degrees, letter
