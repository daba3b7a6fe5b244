"""Join by place: the nearest within a radius, on the globe taken for a ball."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from metafuse.columns.value_patterns import parse_numbers, present_mask
from metafuse.joins.matches import NOTHING, Matches, Pairs, Side, expand, where

EARTH_M = 6_371_008.8
"""Mean radius of the Earth (IUGG); the ball differs from the ellipsoid by at most 0.6 % of a distance."""

OUTSIDE = "lie outside the globe"


def match_places(left: Side, right: Side, name: str, *, radius_m: float, every: bool) -> Matches:
    """Match each place with the nearest within a radius.

    Args:
        left: Latitude and longitude, in degrees.
        right: Those of the other source.
        name: The join's name, for messages.
        radius_m: Metres that two places may be apart.
        every: List all pairs, the nearest first.
    Raises:
        SchemaError: there are more pairs than can be held.
    """
    from scipy.spatial import KDTree

    left_points, left_reasons, left_notes = _points(left)
    right_points, right_reasons, right_notes = _points(right)
    left_rows, right_rows = (where(~np.isnan(points[:, 0])) for points in (left_points, right_points))
    n_left = len(left.columns)
    best, distance = np.full(n_left, NOTHING), np.full(n_left, np.nan)
    n_fitting, pairs = np.zeros(n_left, dtype=np.int64), Pairs(*np.zeros((2, 0), dtype=np.int64))
    if len(left_rows) and len(right_rows):
        # straight through the ball: rises with the way along it, which ends at half of the circumference
        reach = 2 * np.sin(min(radius_m / EARTH_M, np.pi) / 2) * (1 + 1e-12)
        tree = KDTree(right_points[right_rows])
        found, places = tree.query(left_points[left_rows], k=[1, 2], distance_upper_bound=reach)
        met = np.isfinite(found)
        n_fitting[left_rows] = met.sum(axis=1)
        best[left_rows[met[:, 0]]] = right_rows[places[met[:, 0], 0]]
        distance[left_rows[met[:, 0]]] = 2 * EARTH_M * np.arcsin(np.minimum(found[met[:, 0], 0] / 2, 1))
        if every:
            n_fitting[left_rows] = tree.query_ball_point(left_points[left_rows], reach, return_length=True)
            pairs = _pairs(
                tree, left_points=left_points, right_points=right_points, right_rows=right_rows,
                n_fitting=n_fitting, reach=reach, name=name,
            )  # fmt: skip
    return Matches(
        best, distance, n_fitting, pairs if every else None, left_reasons, right_reasons,
        notes=(*left_notes, *right_notes),
    )  # fmt: skip


def _pairs(
    tree: Any,
    *,
    left_points: Float[np.ndarray, "n_left 3"],
    right_points: Float[np.ndarray, "n_right 3"],
    right_rows: Int[np.ndarray, " n_kept"],
    n_fitting: Int[np.ndarray, " n_left"],
    reach: float,
    name: str,
) -> Pairs:
    left = expand(np.zeros_like(n_fitting), n_fitting, name).left  # refuses too many before they are listed
    met = where(n_fitting > 0)
    lists = tree.query_ball_point(left_points[met], reach, return_sorted=True)
    right = right_rows[np.concatenate([*lists, []]).astype(np.int64)]
    apart = np.linalg.norm(left_points[left] - right_points[right], axis=1)
    order = np.lexsort((right, apart, left))
    return Pairs(left, right[order])


def _points(side: Side) -> tuple[Float[np.ndarray, "n 3"], dict[str, np.ndarray], list[str]]:
    """Points on the unit ball, NaN where there is none, and why."""
    cells = [side.columns.iloc[:, place] for place in (0, 1)]
    latitude, longitude = (parse_numbers(each.reset_index(drop=True)).to_numpy() for each in cells)
    present: Bool[np.ndarray, " n"] = present_mask(cells[0]) & present_mask(cells[1])
    on_globe = (np.abs(latitude) <= 90) & (np.abs(longitude) <= 180)
    unreadable = present & (np.isnan(latitude) | np.isnan(longitude))
    outside = present & ~unreadable & ~on_globe
    theta, phi = np.radians(np.where(on_globe, latitude, np.nan)), np.radians(np.where(on_globe, longitude, np.nan))
    points = np.stack([np.cos(theta) * np.cos(phi), np.cos(theta) * np.sin(phi), np.sin(theta)], axis=1)
    points[~(present & on_globe)] = np.nan
    notes = []
    if outside.any():
        swapped = outside & (np.abs(longitude) <= 90) & (np.abs(latitude) <= 180)
        hint = "; latitude and longitude look swapped" if swapped.sum() > len(latitude) / 4 else ""
        notes.append(f"{int(outside.sum()):,} places of '{side.name}' lie outside the globe{hint}")
    reasons = {"have no place": where(~present), "have a place that is no number": where(unreadable)}
    return points, reasons | {OUTSIDE: where(outside)}, notes
