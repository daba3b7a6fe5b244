"""The map's points as one compact object that the page's script draws."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from metafuse.errors import ShapeError
from metafuse.report.base import ClusterSummary
from metafuse.report.projection import sample_points
from metafuse.report.words import clip

MAX_POINTS = 5000
MAX_CHARS = 160
N_COLOURS = 12
GRID = 9999
REQUIRED = ("x", "y", "id")


def choose_points(points: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Take the points that the map shows: labelled rows first, the rest at random.

    Raises:
        ShapeError: a column without which there is no map is missing.
    """
    missing = [name for name in REQUIRED if name not in points]
    if missing:
        raise ShapeError(f"the map needs the columns {', '.join(REQUIRED)}, got none called {', '.join(missing)}.")
    is_kept = _flags(points, "is_labelled")
    return points.iloc[sample_points(is_kept, limit=MAX_POINTS, seed=seed)].reset_index(drop=True)


def map_payload(chosen: pd.DataFrame, clusters: Sequence[ClusterSummary], photos: Mapping[str, str]) -> dict[str, Any]:
    """Turn the chosen points into what the script draws.

    Args:
        chosen: As `choose_points` returns it.
        clusters: Names of the values of its column `cluster`.
        photos: Row id -> thumbnail, those that travel with the map.
    """
    x, y = _grid(chosen["x"]), _grid(chosen["y"])
    ids = [str(value) for value in chosen["id"]]
    class_names, class_index = _classes(chosen)
    cluster_names, cluster_index = _clusters(chosen, clusters)
    place = np.column_stack([x, y])
    has_other = {"other_x", "other_y"} <= set(chosen)
    other = (
        {"otherX": _grid(chosen["other_x"]).tolist(), "otherY": _grid(chosen["other_y"]).tolist()} if has_other else {}
    )
    return {
        "x": x.tolist(),
        "y": y.tolist(),
        "id": ids,
        "text": [clip(str(text), MAX_CHARS) if pd.notna(text) else "" for text in _column(chosen, "text")],
        "classes": class_names,
        "classOf": class_index.tolist(),
        "classColour": spread_colours(place, class_index, len(class_names)),
        "clusters": cluster_names,
        "clusterOf": cluster_index.tolist(),
        "clusterColour": spread_colours(place, cluster_index, len(cluster_names)),
        "newClusters": [int(cluster.is_new) for cluster in clusters],
        "labelled": _flags(chosen, "is_labelled").astype(int).tolist(),
        "unknown": _flags(chosen, "is_unknown").astype(int).tolist(),
        "probability": _parts(_column(chosen, "probability"), 100),
        "unusual": _parts(_column(chosen, "anomaly_score").astype("Float64").rank(pct=True), 1000),
        "photos": {row_id: photos[row_id] for row_id in ids if row_id in photos},
        **other,
    }


def spread_colours(place: np.ndarray, group: np.ndarray, n_groups: int) -> list[int]:
    """Give each group one of twelve colours so that groups of one colour lie far apart.

    Args:
        place: (n_points, 2) position of each point.
        group: Group of each point, -1 for none.
        n_groups: Number of groups.
    """
    if n_groups <= N_COLOURS:
        return list(range(n_groups))
    centre = np.full((n_groups, 2), np.inf)
    for index in range(n_groups):
        if (group == index).any():
            centre[index] = np.median(place[group == index], axis=0)
    colours: list[int] = []
    used = np.zeros(N_COLOURS, dtype=int)
    for index in range(n_groups):
        room = np.full(N_COLOURS, np.inf)
        for other, colour in enumerate(colours):
            if np.isfinite(centre[[index, other]]).all():
                room[colour] = min(room[colour], float(np.linalg.norm(centre[index] - centre[other])))
        best = max(range(N_COLOURS), key=lambda colour: (room[colour], -used[colour], -colour))
        used[best] += 1
        colours.append(best)
    return colours


def _column(frame: pd.DataFrame, name: str) -> pd.Series:
    return frame[name] if name in frame else pd.Series([None] * len(frame), index=frame.index, dtype=object)


def _flags(frame: pd.DataFrame, name: str) -> np.ndarray:
    return _column(frame, name).astype("boolean").fillna(False).to_numpy(dtype=bool)


def _parts(values: pd.Series, whole: int) -> list[int | None]:
    numbers = pd.to_numeric(values, errors="coerce").astype("Float64")
    return [None if pd.isna(value) else round(float(value) * whole) for value in numbers]


def _grid(values: pd.Series) -> np.ndarray:
    """Scale to whole numbers from 0 to 9999: finer than any screen, and short to write."""
    numbers = np.nan_to_num(values.to_numpy(dtype=float))
    extent = float(np.ptp(numbers)) if len(numbers) else 0.0
    return (
        np.round((numbers - numbers.min()) / extent * GRID).astype(int) if extent else np.full(len(numbers), GRID // 2)
    )


def _classes(chosen: pd.DataFrame) -> tuple[list[str], np.ndarray]:
    labels = _column(chosen, "label")
    names = sorted({str(label) for label in labels if pd.notna(label)})
    index = {name: position for position, name in enumerate(names)}
    return names, np.array([index[str(label)] if pd.notna(label) else -1 for label in labels], dtype=int)


def _clusters(chosen: pd.DataFrame, clusters: Sequence[ClusterSummary]) -> tuple[list[str], np.ndarray]:
    """Number the clusters as they are listed; rows of no listed cluster get -1."""
    position = {cluster.cluster_id: index for index, cluster in enumerate(clusters)}
    ids = _column(chosen, "cluster")
    index = [position.get(int(value), -1) if pd.notna(value) else -1 for value in ids]
    return [cluster.name for cluster in clusters], np.array(index, dtype=int)
