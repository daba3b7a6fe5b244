"""Class splits for meta-training, and the pools they make of a source."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Int

from metafuse.episodes.base import EpisodePool, check_disjoint
from metafuse.errors import ConfigError, EpisodeError, ShapeError
from metafuse.task import ClassSpec

SPLITS = ("meta_train", "meta_val", "meta_test")
Values = Sequence[object] | np.ndarray
"""Cells of a column."""

_EXAMPLES = 10


def split_classes(
    classes: Sequence[str], groups: Mapping[str, str] | None, spec: ClassSpec, *, name: str
) -> dict[str, tuple[str, ...]]:
    """Split the classes of a source into `meta_train`, `meta_val` and `meta_test`.

    Lists are taken as they are. Shares are of all classes, drawn from those in no list; with groups whole groups at a
    time, as many as come closest, one at least. `meta_test` is drawn first: it stays when only `meta_val` changes.

    Args:
        classes: Labels of the source, in any order.
        groups: Label -> its group; a label without one is a group of its own.
        spec: Lists and shares.
        name: Of the source, for messages.
    Returns:
        Split -> its labels, in the order of `classes`; no label in two of them.
    Raises:
        ConfigError: a share is below 0, or the shares leave nothing to train on.
        EpisodeError: a list names a label the source does not have, or two lists name the same.
    """
    wanted = {split: getattr(spec, split) for split in SPLITS}
    shares = {split: share for split, share in wanted.items() if isinstance(share, int | float)}
    listed = {split: tuple(dict.fromkeys(labels)) for split, labels in wanted.items() if isinstance(labels, tuple)}
    known = list(dict.fromkeys(classes))
    _check_shares(shares, name)
    _check_known(listed, known, name)
    check_disjoint([(f"{split} of source '{name}'", labels) for split, labels in listed.items()])
    found = {split: set(labels) for split, labels in listed.items()}
    generator = np.random.default_rng(spec.seed)
    for split in sorted(shares):
        rest = [label for label in known if not any(label in labels for labels in found.values())]
        found[split] = _draw_share(rest, groups or {}, round(shares[split] * len(known)), generator)
    taken = set().union(*found.values())
    found.setdefault("meta_train", set(known) - taken)
    return {split: tuple(label for label in known if label in found[split]) for split in SPLITS}


def episode_pools(
    name: str,
    labels: Sequence[str | None],
    spec: ClassSpec,
    *,
    group: Values | None = None,
    duplicate: Values | None = None,
) -> dict[str, EpisodePool]:
    """Make one pool a class split of a source's columns.

    Near-duplicates do not cross splits: a row whose near-duplicate has a class of a later split has none in its own, so
    that nothing measured on was trained on, and what is measured on keeps its rows.

    Args:
        name: Of the source.
        labels: Of each row; None or NaN where it has none.
        spec: Which classes go to which split.
        group: Value of the group column in each row; None or NaN where it has none. A class that lies in several
            groups is split with the one it is most in.
        duplicate: Value of the duplicate column in each row; None or NaN where it has none.
    Returns:
        `meta_train`, `meta_val` and `meta_test`, with or without classes.
    Raises:
        ConfigError: see `split_classes`.
        EpisodeError: see `split_classes`.
        ShapeError: the columns differ in length.
    """
    columns = {"labels": labels, "group": group, "duplicate": duplicate}
    lengths = {key: len(column) for key, column in columns.items() if column is not None}
    if len(set(lengths.values())) > 1:
        raise ShapeError(f"source '{name}': expected one value a row in each of {lengths}. Use the same rows.")
    column = pd.Series(list(labels), dtype=object)
    classes = sorted(column.dropna().unique())
    splits = split_classes(classes, None if group is None else _group_of_class(column, group), spec, name=name)
    group_id, duplicate_id = (None if values is None else _number(values) for values in (group, duplicate))
    class_ids = {split: _place_in(members, column) for split, members in splits.items()}
    if duplicate_id is not None:
        class_ids = _keep_latest(class_ids, duplicate_id)
    return {
        split: EpisodePool(name, members, class_ids[split], group_id, duplicate_id, split)
        for split, members in splits.items()
    }


def _check_shares(shares: Mapping[str, float], name: str) -> None:
    for split, share in shares.items():
        if not 0 <= share < 1:
            raise ConfigError(f"source '{name}': expected a {split} share from 0 to below 1, got {share}. Change it.")
    if sum(shares.values()) >= 1:
        raise ConfigError(
            f"source '{name}': expected shares of less than 1 together, got {dict(shares)}. "
            "Lower one, so that some classes are left for meta_train."
        )


def _check_known(listed: Mapping[str, Sequence[str]], known: Sequence[str], name: str) -> None:
    for split, labels in listed.items():
        unknown = [label for label in labels if label not in set(known)]
        if unknown:
            raise EpisodeError(
                f"source '{name}': {split} names {_quoted(unknown)}, which no row is labelled with; "
                f"the labels are {_quoted(known)}. Name some of these."
            )


def _draw_share(
    classes: Sequence[str], groups: Mapping[str, str], n_wanted: int, generator: np.random.Generator
) -> set[str]:
    """Draw whole groups of classes, until another would lead further from the wanted number."""
    by_group: dict[tuple[str, str], list[str]] = {}
    for label in sorted(classes):
        key = ("group", groups[label]) if label in groups else ("class", label)
        by_group.setdefault(key, []).append(label)
    members = [by_group[key] for key in sorted(by_group)]
    drawn: set[str] = set()
    for place in generator.permutation(len(members)):
        is_closer = abs(len(drawn) + len(members[place]) - n_wanted) < abs(len(drawn) - n_wanted)
        if n_wanted == 0 or (drawn and not is_closer):
            break
        drawn.update(members[place])
    return drawn


def _group_of_class(labels: pd.Series, groups: Values) -> dict[str, str]:
    pairs = pd.DataFrame({"label": labels, "group": list(groups)}).dropna().astype(str)
    counts = pairs.value_counts().reset_index().sort_values(["count", "group"], ascending=[False, True])
    commonest = counts.drop_duplicates("label")
    return dict(zip(commonest["label"], commonest["group"], strict=True))


def _number(values: Values) -> Int[np.ndarray, " n_rows"]:
    """Number the distinct values; -1 for a missing one."""
    return pd.factorize(pd.Series(list(values), dtype=object))[0].astype(np.int64)


def _place_in(members: Sequence[str], labels: pd.Series) -> Int[np.ndarray, " n_rows"]:
    """Return the place of each row's label among the members of a split; -1 where it is none of them."""
    return pd.Index(members, dtype=object).get_indexer(labels).astype(np.int64)


def _keep_latest(
    class_ids: Mapping[str, Int[np.ndarray, " n_rows"]], duplicate_id: Int[np.ndarray, " n_rows"]
) -> dict[str, Int[np.ndarray, " n_rows"]]:
    """Take the class from rows with a near-duplicate in a later split."""
    later = np.zeros(len(duplicate_id), dtype=bool)
    kept = {}
    for split in reversed(SPLITS):
        kept[split] = np.where(later, -1, class_ids[split])
        later |= np.isin(duplicate_id, duplicate_id[(class_ids[split] >= 0) & (duplicate_id >= 0)])
    return kept


def _quoted(names: Sequence[str]) -> str:
    more = f" and {len(names) - _EXAMPLES} more" if len(names) > _EXAMPLES else ""
    return ", ".join(f"'{name}'" for name in names[:_EXAMPLES]) + more
