"""What episodes can be drawn from one pool: its usable groups, classes and rows, and why not others."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Int

from metafuse.episodes.base import EpisodePool
from metafuse.errors import EpisodeError
from metafuse.task import EpisodeSizes

_EXAMPLES = 5
_GROUP, _CLASS, _UNIT = ["group"], ["group", "class"], ["group", "class", "unit"]


@dataclass(frozen=True)
class Stock:
    """Usable rows of a pool, as slices: a group holds classes, a class units, a unit rows.

    A unit is a group of near-duplicates, or a single row. A class that lies in several groups is one class in each.

    Args:
        group_start: First class of each group.
        group_size: Number of its classes.
        class_start: First unit of each class.
        class_size: Number of its units.
        class_id: The pool's class_id of each class.
        unit_start: First row of each unit.
        unit_size: Number of its rows.
        rows: Rows of the source.
        left_out: Labels of classes that no episode holds.
    """

    group_start: Int[np.ndarray, " n_groups"]
    group_size: Int[np.ndarray, " n_groups"]
    class_start: Int[np.ndarray, " n_classes"]
    class_size: Int[np.ndarray, " n_classes"]
    class_id: Int[np.ndarray, " n_classes"]
    unit_start: Int[np.ndarray, " n_units"]
    unit_size: Int[np.ndarray, " n_units"]
    rows: Int[np.ndarray, " n_rows"]
    left_out: tuple[str, ...]


def take_stock(pool: EpisodePool, sizes: EpisodeSizes) -> Stock:
    """Find what episodes can be drawn from.

    Raises:
        EpisodeError: not one episode can be drawn; says what is missing.
    """
    _check_columns(pool, sizes)
    rows = _list_rows(pool, within_group=sizes.within_group)
    n_units = rows.groupby(_CLASS)["unit"].transform("nunique")
    enough_rows = rows[n_units >= _fewest_rows(sizes)]
    n_classes = enough_rows.groupby("group")["class"].transform("nunique")
    usable = enough_rows[n_classes >= _fewest_classes(sizes)].sort_values(["group", "class", "unit", "row"])
    if usable.empty:
        raise EpisodeError(f"source '{pool.name}': {_explain(pool, sizes, rows, enough_rows)}")
    group_rows, class_rows, unit_rows = (_starts(usable[keys]) for keys in (_GROUP, _CLASS, _UNIT))
    group_start = np.searchsorted(class_rows, group_rows)
    class_start = np.searchsorted(unit_rows, class_rows)
    class_id = usable["class"].to_numpy()[class_rows]
    used = np.isin(np.arange(len(pool.classes)), class_id)
    return Stock(
        group_start=group_start,
        group_size=np.diff(group_start, append=len(class_rows)),
        class_start=class_start,
        class_size=np.diff(class_start, append=len(unit_rows)),
        class_id=class_id,
        unit_start=unit_rows,
        unit_size=np.diff(unit_rows, append=len(usable)),
        rows=usable["row"].to_numpy(),
        left_out=tuple(label for label, is_used in zip(pool.classes, used, strict=True) if not is_used),
    )


def _check_columns(pool: EpisodePool, sizes: EpisodeSizes) -> None:
    highest = int(pool.class_id.max(initial=-1))
    if highest >= len(pool.classes):
        raise EpisodeError(
            f"source '{pool.name}': expected class_id from -1 to {len(pool.classes) - 1}, one for each of its "
            f"{len(pool.classes)} labels, got {highest}. Number the classes in the order of the labels."
        )
    if sizes.within_group and pool.group_id is None:
        raise EpisodeError(
            f"source '{pool.name}': within-group episodes need the group of each row, got none. "
            "Name its group_column, or set within_group = false."
        )


def _list_rows(pool: EpisodePool, *, within_group: bool) -> pd.DataFrame:
    """List the rows that have a class, and a group where it counts, as row, group, class and unit."""
    group = pool.group_id if within_group and pool.group_id is not None else np.zeros_like(pool.class_id)
    row = np.flatnonzero((pool.class_id >= 0) & (group >= 0))
    # A row without near-duplicates is a unit of its own, numbered below those of several.
    unit = np.arange(len(pool.class_id))
    if pool.duplicate_id is not None:
        unit = np.where(pool.duplicate_id >= 0, len(unit) + pool.duplicate_id, unit)
    rows = pd.DataFrame({"row": row, "group": group[row], "class": pool.class_id[row], "unit": unit[row]})
    return rows if pool.duplicate_id is None else _one_class_a_unit(rows)


def _one_class_a_unit(rows: pd.DataFrame) -> pd.DataFrame:
    """Keep of near-duplicates under several labels only those of the commonest; of equals, that of the first row."""
    n_rows = rows.groupby(_UNIT)["row"].transform("size")
    commonest = rows.assign(n_rows=-n_rows).sort_values(["n_rows", "row"]).drop_duplicates(["group", "unit"])
    return rows.merge(commonest[_UNIT], on=_UNIT)


def _starts(keys: pd.DataFrame) -> Int[np.ndarray, " n_runs"]:
    """Return at which row each run of equal keys starts."""
    return np.flatnonzero((keys != keys.shift()).any(axis=1))


def _fewest_rows(sizes: EpisodeSizes) -> int:
    return 2 if sizes.variable_shot else sizes.k_shot + 1


def _fewest_classes(sizes: EpisodeSizes) -> int:
    return 2 if sizes.variable_way else sizes.n_way


def _explain(pool: EpisodePool, sizes: EpisodeSizes, rows: pd.DataFrame, enough_rows: pd.DataFrame) -> str:
    """Say why there is no episode: too few classes, too few rows of them, or too few classes in any group."""
    n_way, k_shot = _fewest_classes(sizes), _fewest_rows(sizes) - 1
    ways = f"n_way={n_way}" if not sizes.variable_way else f"variable n_way={sizes.n_way}"
    classes = f"{pool.split} classes" if pool.split else "classes"
    n_classes, n_usable = rows["class"].nunique(), enough_rows["class"].nunique()
    if n_classes < n_way:
        return f"{ways} needs {n_way} {classes}, got {n_classes}. Lower n_way or enlarge the split."
    needed = f"{classes} of at least {k_shot + 1} rows (k_shot={k_shot} and a query row)"
    if n_usable < n_way:
        counts = rows.groupby(_CLASS)["unit"].nunique().groupby("class").max()
        small = counts[counts <= k_shot]
        named = [f"'{pool.classes[class_id]}' has {n}" for class_id, n in small.head(_EXAMPLES).items()]
        more = [f"{len(small) - _EXAMPLES} more have too few"] if len(small) > _EXAMPLES else []
        counted = " (near-duplicates count as one row)" if pool.duplicate_id is not None else ""
        return (
            f"{ways} needs {n_way} {needed}, got {n_usable}; {', '.join(named + more)}{counted}. "
            "Lower k_shot or n_way, or label more rows."
        )
    largest = enough_rows.groupby("group")["class"].nunique().max()
    return (
        f"within-group episodes of {ways} need a group with {n_way} {needed}; the largest of "
        f"{rows['group'].nunique()} groups has {largest}. Lower n_way or k_shot, or set within_group = false."
    )
