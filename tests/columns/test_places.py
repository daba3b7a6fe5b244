import numpy as np
import pytest

from metafuse.columns.places import is_on_globe, parse_place, place_pairs


def test_pairs_are_found_by_what_is_left_of_their_names():
    names = ["dropoff_lng", "pickup_latitude", "fare", "dropoff_lat", "pickup_longitude"]
    assert place_pairs(names) == (("pickup_latitude", "pickup_longitude"), ("dropoff_lat", "dropoff_lng"))
    assert place_pairs(["LAT", "Long"]) == (("LAT", "Long"),)
    assert place_pairs(["latDeg", "lonDeg"]) == (("latDeg", "lonDeg"),)
    assert place_pairs(["startlatitude", "startlongitude"]) == (("startlatitude", "startlongitude"),)


def test_half_a_pair_is_none():
    assert place_pairs(["pickup_lat", "dropoff_lng"]) == ()
    assert place_pairs(["lat", "flat", "salon"]) == ()
    assert place_pairs(["long_description", "text"]) == ()


@pytest.mark.parametrize(
    "cell",
    [
        "48.5, 11.25",
        "48.5 11.25",
        "48,5; 11,25",
        "48,5 11,25",
        "(48.5, 11.25)",
        "[48.5, 11.25]",
        "48.5° N, 11.25° E",
        "11.25 E, 48.5 N",
        "48°30'N 11°15'E",
        "48°30'0\"N 11°15'0\"E",
        "POINT (11.25 48.5)",
        "SRID=4326;POINT(11.25 48.5)",
        '{"type": "Point", "coordinates": [11.25, 48.5]}',
        '{"lat": 48.5, "lng": 11.25}',
        {"Latitude": "48.5", "Longitude": 11.25},
        (48.5, 11.25),
        ("48,5", "11,25"),
        [48.5, 11.25],
        np.array([48.5, 11.25]),
    ],
)
def test_places_are_read_in_every_usual_form(cell):
    assert parse_place(cell) == (48.5, 11.25)


def test_west_and_south_are_negative():
    assert parse_place("33.5 S, 70.25 W") == (-33.5, -70.25)
    assert parse_place("-33.5, -70.25") == (-33.5, -70.25)


def test_small_numbers_are_read_exactly():
    assert parse_place((1e-07, -2e-05)) == (1e-07, -2e-05)


@pytest.mark.parametrize(
    "cell", ["", "Munich", "48.5", "1, 2, 3", "12:30, 14:00", (48.5, None), (48.5, np.nan), (1, 2, 3), b"ab", None, 4]
)
def test_other_cells_are_no_places(cell):
    assert parse_place(cell) is None


def test_the_globe_ends_at_90_and_180_degrees():
    assert is_on_globe(90.0, -180.0)
    assert not is_on_globe(90.01, 0.0)
    assert not is_on_globe(0.0, 180.01)
