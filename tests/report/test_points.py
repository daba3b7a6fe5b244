from itertools import pairwise

import numpy as np
import pandas as pd

from metafuse.report.base import ClusterSummary
from metafuse.report.points import N_COLOURS, choose_points, map_payload, spread_colours


def test_payload_holds_columns_side_by_side():
    frame = pd.DataFrame(
        {
            "x": [0.0, 1.0, 2.0],
            "y": [5.0, 5.0, 5.0],
            "id": ["a", "b", "c"],
            "text": ["one", None, "three"],
            "label": ["yes", None, "no"],
            "is_labelled": [True, False, None],
            "probability": [0.256, np.nan, 1.0],
            "cluster": [7, 8, 9],
            "anomaly_score": [0.1, 0.3, 0.2],
        }
    )
    clusters = (ClusterSummary(8, "eight", 1, is_new=True), ClusterSummary(7, "seven", 1))
    payload = map_payload(choose_points(frame, seed=0), clusters, {"c": "data:image/png;base64,AA"})
    assert payload["x"] == [0, 5000, 9999]
    assert len(set(payload["y"])) == 1
    assert payload["text"] == ["one", "", "three"]
    assert payload["classes"] == ["no", "yes"]
    assert payload["classOf"] == [1, -1, 0]
    assert payload["clusterOf"] == [1, 0, -1]
    assert payload["newClusters"] == [1, 0]
    assert payload["labelled"] == [1, 0, 0]
    assert payload["unknown"] == [0, 0, 0]
    assert payload["probability"] == [26, None, 100]
    assert payload["unusual"] == [333, 1000, 667]
    assert payload["photos"] == {"c": "data:image/png;base64,AA"}


def test_neighbouring_groups_get_different_colours():
    place = np.column_stack([np.arange(40), np.zeros(40)])
    colours = spread_colours(place, np.arange(40), 40)
    assert set(colours) <= set(range(N_COLOURS))
    assert all(first != second for first, second in pairwise(colours))


def test_few_groups_get_a_colour_each():
    assert spread_colours(np.zeros((3, 2)), np.arange(3), 3) == [0, 1, 2]
