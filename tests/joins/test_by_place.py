import numpy as np
import pandas as pd
import pytest

from metafuse.errors import SchemaError
from metafuse.joins import matches
from metafuse.joins.by_place import EARTH_M, match_places
from metafuse.joins.matches import Side

DEGREE_M = np.pi * EARTH_M / 180


def side(*places, name="s"):
    return Side(name, pd.DataFrame(places, columns=["lat", "lon"]))


def test_the_nearest_within_the_radius_is_taken():
    right = side((50, 10.2), (50.001, 10), (0, 0))
    found = match_places(side((50, 10), (10, 10)), right, "j", radius_m=200.0, every=False)
    assert found.best.tolist() == [1, -1]
    assert found.distance[0] == pytest.approx(0.001 * DEGREE_M)
    assert np.isnan(found.distance[1])


def test_distances_go_around_the_globe():
    found = match_places(
        side((0, 179.999), (90, 0)), side((0, -179.999), (89.999, 180)), "j", radius_m=300.0, every=False
    )
    assert found.best.tolist() == [0, 1]
    assert found.distance == pytest.approx([0.002 * DEGREE_M, 0.001 * DEGREE_M])


def test_all_within_the_radius_are_listed_the_nearest_first():
    right = side((0, 0.003), (0, 0.001), (0, 1), (0, -0.002))
    found = match_places(side((0, 0), (5, 5), (0, 1)), right, "j", radius_m=0.0031 * DEGREE_M, every=True)
    assert found.pairs.left.tolist() == [0, 0, 0, 2]
    assert found.pairs.right.tolist() == [1, 3, 0, 2]
    assert found.n_fitting.tolist() == [3, 0, 1]


def test_places_outside_the_globe_match_nothing_and_are_counted():
    left = Side("stops", pd.DataFrame({"lat": ["91", "48,1", None, "north"], "lon": ["10", "11,5", "3", "4"]}))
    found = match_places(left, side((48.1, 11.5), (np.nan, 1), name="towns"), "j", radius_m=10.0, every=False)
    assert found.best.tolist() == [-1, 0, -1, -1]
    assert {reason: rows.tolist() for reason, rows in found.left_reasons.items()} == {
        "have no place": [2],
        "have a place that is no number": [3],
        "lie outside the globe": [0],
    }
    assert found.notes == ("1 places of 'stops' lie outside the globe",)


def test_swapped_columns_are_suspected():
    found = match_places(side((120, 40), (121, 41)), side((40, 120)), "j", radius_m=10.0, every=False)
    assert found.notes == ("2 places of 's' lie outside the globe; latitude and longitude look swapped",)
    assert found.best.tolist() == [-1, -1]


def test_too_many_pairs_are_refused_before_they_are_listed(monkeypatch):
    monkeypatch.setattr(matches, "MOST_PAIRS", 3)
    with pytest.raises(SchemaError, match="join 'j' would hold 4 pairs"):
        match_places(side((0, 0), (0, 0)), side((0, 0), (0, 0)), "j", radius_m=1.0, every=True)


def test_pairs_are_those_of_a_haversine_ball_tree():
    from sklearn.neighbors import BallTree

    generator = np.random.default_rng(0)
    left, right = (generator.uniform([-90, -180], [90, 180], (n, 2)) for n in (200, 300))
    tree = BallTree(np.radians(right), metric="haversine")
    expected, _ = tree.query_radius(np.radians(left), 1e6 / EARTH_M, return_distance=True, sort_results=True)
    found = match_places(side(*left), side(*right), "j", radius_m=1e6, every=True)
    assert found.n_fitting.tolist() == [len(each) for each in expected]
    assert found.pairs.right.tolist() == np.concatenate(expected).tolist()
