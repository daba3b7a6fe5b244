import numpy as np
import pytest

from metafuse.artifact import load_value, save_value
from metafuse.encoders.base import Encoder
from metafuse.encoders.geo import GeoEncoder, fit_geo, read_place
from metafuse.errors import SchemaError
from metafuse.sources.media import Media, MediaError


def _places(centre: tuple[float, float], km: float, n: int = 200, seed: int = 0) -> list[str]:
    """Places scattered around one, with a given deviation in kilometres."""
    east, north = np.random.default_rng(seed).normal(0, km / 111.2, (2, n))
    latitudes, longitudes = centre[0] + north, centre[1] + east / np.cos(np.radians(centre[0]))
    longitudes = (longitudes + 180) % 360 - 180
    return [f"{lat!r},{lon!r}" for lat, lon in zip(latitudes.tolist(), longitudes.tolist(), strict=True)]


def _distances(encoder: GeoEncoder, *values: str) -> np.ndarray:
    """Feature distances of the first place to the others."""
    matrix = encoder.encode(list(values)).matrix
    return np.linalg.norm(matrix[1:] - matrix[0], axis=1)


@pytest.mark.parametrize("km", [0.02, 1.0, 50.0, 2000.0])
def test_nearness_shows_at_the_scale_of_the_source(km):
    values = _places((48.0, 11.0), km)
    degree = km / 111.2
    near, middle, far = _distances(
        fit_geo(values),
        "48.0,11.0",
        f"{48 + 0.02 * degree},11.0",
        f"{48 + 0.3 * degree},11.0",
        f"{48 + 2 * degree},11.0",
    )
    assert 0 < near < 0.5 * middle < middle < far


def test_several_scales_show_in_one_source():
    values = _places((48.0, 11.0), 0.1) + _places((52.0, 13.0), 0.1)
    house, street, city = _distances(fit_geo(values), "48.0,11.0", "48.0001,11.0", "48.001,11.0", "52.0,13.0")
    assert 0 < house < 0.7 * street
    assert street < 0.9 * city


def test_places_on_both_sides_of_the_date_line_are_near():
    encoder = fit_geo(_places((-17.0, 180.0), 100.0))
    near, far = _distances(encoder, "-17.0,179.99", "-17.0,-179.99", "-17.0,179.0")
    assert near < 0.2 * far


def test_places_around_a_pole_are_near():
    values = [f"{89.9 - 0.01 * n!r},{(37.0 * n) % 360 - 180!r}" for n in range(50)]
    encoder = fit_geo(values)
    near, far = _distances(encoder, "89.999,0.0", "89.999,180.0", "89.5,0.0")
    assert near < 0.2 * far


def test_rows_are_normalised_and_repeat():
    values = _places((48.0, 11.0), 5.0)
    encoder = fit_geo(values)
    assert isinstance(encoder, Encoder)
    matrix = encoder.encode(values).matrix
    assert matrix.shape == (200, encoder.dim)
    np.testing.assert_allclose(np.linalg.norm(matrix, axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(matrix, fit_geo(values).encode(values).matrix)
    assert fit_geo(values).fingerprint == encoder.fingerprint != fit_geo(values[:100]).fingerprint


def test_zero_zero_is_doubted_unless_others_are_near():
    values = _places((48.0, 11.0), 5.0)
    encoded = fit_geo([*values, "0.0,0.0"]).encode(["0.0,0.0", values[0]])
    assert list(encoded.failures) == [0]
    assert "both 0, far from every other place" in encoded.failures[0]
    assert not encoded.matrix[0].any()
    assert not fit_geo(_places((0.5, 0.5), 50.0)).encode(["0.0,0.0"]).failures


def test_swapped_coordinates_are_doubted_and_mere_outliers_are_not():
    encoder = fit_geo(_places((48.0, 11.0), 50.0))
    failures = encoder.encode(["11.0,48.0", "-33.0,151.0", "48.1,11.1"]).failures
    assert list(failures) == [0]
    assert "amid them with the two swapped" in failures[0]


def test_one_place_only_and_none_at_all():
    assert fit_geo(["48.0,11.0"] * 3).encode(["48.0,11.0"]).matrix.shape[0] == 1
    assert not fit_geo(["0.0,0.0"]).encode(["0.0,0.0"]).failures
    with pytest.raises(SchemaError, match="at least one place that can be read, got none"):
        fit_geo([])


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("Munich", "'Munich' is no latitude and longitude"),
        ((48.5, None), "longitude is missing, latitude is '48.5'"),
        ((float("nan"), 9.09), r"^latitude is missing, longitude is '9\.09'$"),
        (("", " "), "latitude and longitude are missing"),
        (("north", 9.09), r"'\('north', 9\.09\)' is no latitude and longitude"),
        ((91.0, 181.0), "latitude 91 is outside the globe, from -90 to 90"),
        ((120.5, 30.5), "latitude 120.5 is outside the globe.*may be swapped"),
        ((10.0, 200.0), "longitude 200 is outside the globe, from -180 to 180"),
    ],
)
def test_cells_that_are_no_place_on_earth_say_why(cell, reason):
    with pytest.raises(MediaError, match=reason):
        read_place(cell, Media())


def test_places_are_read_exactly():
    assert read_place((48.137154, 11.576124), Media()) == "48.137154,11.576124"
    assert read_place("48.137154, 11.576124", Media()) == "48.137154,11.576124"
    assert read_place(("48,5", "-11"), Media()) == "48.5,-11.0"


def test_saved_and_loaded_it_is_the_same(tmp_path):
    encoder = fit_geo(_places((48.0, 11.0), 5.0))
    save_value(encoder, tmp_path, "encoder")
    assert load_value(tmp_path, "encoder").fingerprint == encoder.fingerprint
