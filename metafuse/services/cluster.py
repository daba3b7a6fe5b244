"""Groups of a source: its labelled classes, kept together, and the new groups beside them.

A sample of the rows goes into Ward's tree, in a space whitened by the labelled classes. The tree is cut twice. A
coarse cluster without a labelled row is a new group; inside a coarse cluster with labelled rows, a fine one without
any whose rows the classes explain badly (small p-values) is a new group too. Classes and new groups then become the
seeds of a spherical k-means over all rows, in which labelled rows never leave their class.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from metafuse.errors import ConfigError, ShapeError
from metafuse.services.normalise import unit_centres
from metafuse.services.tree import Tree, estimate_cut, grow_tree, round_classes
from metafuse.services.words import telling_words

FINE_CUT = 1.5
"""Clusters of the fine cut for each one of the coarse cut."""

NOVEL_P_VALUE = 0.2
"""Median p-value under which a fine cluster is taken for new. With `FINE_CUT` it finds the most hidden classes of
CLINC150 and BANKING77 without inventing more than a tenth too many."""

KNOWN_P_VALUE = 0.5
"""Median p-value from which a cluster without labels is a part of a known class all the same."""

MIN_GROUP = 5
MIN_GROUP_SHARE = 0.001
SMALLEST_SOURCE = 3
N_CUTS = 40
CHUNK = 8192
N_ROUNDS = 10
N_CENTRAL = 5
N_NAME_WORDS = 3


@dataclass(frozen=True)
class Cluster:
    """One group of rows.

    Args:
        name: The class's name, or the telling words of a new group.
        is_new: No labelled class.
        n_rows: Rows in it.
        words: Its most telling words, where there are texts.
        central_rows: Positions of the rows nearest its centre, nearest first.
    """

    name: str
    is_new: bool
    n_rows: int
    words: tuple[str, ...]
    central_rows: tuple[int, ...]


@dataclass(frozen=True)
class Clustering:
    """Clusters of all rows.

    Args:
        assignment: Cluster of each row; -1 for a row without anything to embed (a zero embedding).
        clusters: The labelled classes in class order, then the new groups, largest first.
        is_estimated: The number of clusters was not given.
    """

    assignment: Int[np.ndarray, " n"]
    clusters: tuple[Cluster, ...]
    is_estimated: bool


def cluster(
    embeddings: Float[np.ndarray, "n dim"],
    labels: Int[np.ndarray, " n"],
    class_names: Sequence[str],
    *,
    probabilities: Float[np.ndarray, "n n_way"] | None = None,
    p_values: Float[np.ndarray, " n"] | None = None,
    texts: Sequence[str] | None = None,
    n_clusters: int | None = None,
    seed: int = 0,
) -> Clustering:
    """Group rows into their labelled classes and new groups.

    Args:
        embeddings: L2-normalised; zero rows are left out.
        labels: Class of each row, -1 where unlabelled.
        class_names: Name of each class.
        probabilities: Of each class, for rows between classes.
        p_values: Share of known-class rows at least as unusual; small ones mark rows of no known class.
        texts: What each row says, to name the new groups; an empty one where a row has none.
        n_clusters: How many in all, the classes counted in; None estimates it.
        seed: Seed of the sample.
    Raises:
        ShapeError: an argument has another number of rows, or embeddings hold NaN.
        ConfigError: fewer clusters than classes, or more than rows.
    """
    rows_of = {"probabilities": probabilities, "p_values": p_values, "texts": texts}
    _check(embeddings, labels, class_names, n_clusters, rows_of)
    n_way = len(class_names)
    usable = np.flatnonzero(embeddings.any(axis=1) | (labels >= 0))
    assignment = np.full(len(embeddings), -1)
    points = np.zeros_like(embeddings, dtype=np.float32)
    n_groups = n_way
    if len(usable) < SMALLEST_SOURCE:
        assignment[usable] = np.where(labels[usable] >= 0, labels[usable], n_way)
        n_groups = max(n_way, int(assignment.max(initial=-1)) + 1)
    else:
        points[usable] = round_classes(embeddings[usable], labels[usable])
        tree = grow_tree(points, labels, usable, seed)
        seeds = _seed_groups(
            tree,
            points=points,
            labels=labels,
            n_way=n_way,
            probabilities=probabilities,
            p_values=p_values,
            n_clusters=n_clusters,
            seed=seed,
        )
        n_groups = max(n_way, int(seeds.max()) + 1)
        assignment[usable] = _spread(points, labels, seed_rows=tree.rows, seeds=seeds, n_groups=n_groups, usable=usable)
    assignment = _largest_first(assignment, n_way, n_groups)
    clusters = _describe(points, assignment, class_names, n_groups, texts)
    return Clustering(assignment, clusters, is_estimated=n_clusters is None)


def _seed_groups(
    tree: Tree,
    *,
    points: Float[np.ndarray, "n dim"],
    labels: Int[np.ndarray, " n"],
    n_way: int,
    probabilities: Float[np.ndarray, "n n_way"] | None,
    p_values: Float[np.ndarray, " n"] | None,
    n_clusters: int | None,
    seed: int,
) -> Int[np.ndarray, " n_sample"]:
    """Give each row of the tree to a class (0..n_way-1) or to a new group (n_way and up)."""
    likeliest = _class_scores(points, labels, n_way, probabilities)[tree.rows]
    novelty = None if p_values is None else p_values[tree.rows]
    smallest = max(MIN_GROUP, round(MIN_GROUP_SHARE * len(tree.rows)))
    n_cut = estimate_cut(tree, points, labels, seed)
    if n_clusters is None:
        groups = _new_groups(tree, labels[tree.rows], novelty, n_cut, smallest)
    else:
        groups = _at_least(tree, labels[tree.rows], novelty, n_cut, n_new=n_clusters - n_way, smallest=smallest)
    seeds = likeliest.argmax(axis=1) if n_way else np.full(len(tree.rows), -1 if groups else 0)
    for at, group in enumerate(groups):
        seeds[group] = n_way + at
    labelled = labels[tree.rows] >= 0
    seeds[labelled] = labels[tree.rows][labelled]
    n_most = n_way + len(groups) if n_clusters is None else n_clusters
    return _join_nearest(points[tree.rows], seeds, n_way, n_most)


def _new_groups(
    tree: Tree,
    labels: Int[np.ndarray, " n_sample"],
    p_values: Float[np.ndarray, " n_sample"] | None,
    n_cut: int,
    smallest: int,
) -> list[Int[np.ndarray, " _"]]:
    n_rows = len(tree.rows)
    coarse, fine = (tree.cut(min(n, n_rows)) for n in (n_cut, round(FINE_CUT * n_cut)))
    has_label = np.isin(coarse, coarse[labels >= 0])
    groups = [np.flatnonzero(coarse == at) for at in np.unique(coarse[~has_label])]
    if p_values is not None:
        groups = [group for group in groups if np.median(p_values[group]) < KNOWN_P_VALUE]
        free = has_label & ~np.isin(fine, fine[labels >= 0])
        inside = [np.flatnonzero(fine == at) for at in np.unique(fine[free])]
        groups += [group for group in inside if np.median(p_values[group]) < NOVEL_P_VALUE]
    return [group for group in groups if len(group) >= smallest]


def _at_least(
    tree: Tree,
    labels: Int[np.ndarray, " n_sample"],
    p_values: Float[np.ndarray, " n_sample"] | None,
    n_cut: int,
    *,
    n_new: int,
    smallest: int,
) -> list[Int[np.ndarray, " _"]]:
    """Cut ever finer until there are as many new groups as asked for, or more."""
    groups: list[Int[np.ndarray, " _"]] = []
    n_rows = len(tree.rows)
    for at_least in (smallest, 1):
        for n in np.unique(np.geomspace(min(max(n_cut, 2), n_rows), n_rows, N_CUTS).astype(int)):
            if len(groups) < n_new:
                groups = _new_groups(tree, labels, p_values, int(n), at_least)
    return groups


def _join_nearest(
    rows: Float[np.ndarray, "n_sample dim"], seeds: Int[np.ndarray, " n_sample"], n_way: int, n_most: int
) -> Int[np.ndarray, " n_sample"]:
    """Join the new group nearest to a class or another new group with it, until there are no more than `n_most`."""
    seeds = seeds.copy()
    for n_groups in range(int(seeds.max(initial=-1)) + 1, n_most, -1):
        centres = unit_centres(rows, seeds, n_groups)
        closeness = (centres @ centres.T)[n_way:]
        closeness[np.arange(n_groups - n_way), np.arange(n_way, n_groups)] = -np.inf
        new, other = np.unravel_index(closeness.argmax(), closeness.shape)
        gone, kept = max(new + n_way, other), min(new + n_way, other)
        seeds[seeds == gone] = kept
        seeds[seeds > gone] -= 1
    return seeds


def _class_scores(
    points: Float[np.ndarray, "n dim"],
    labels: Int[np.ndarray, " n"],
    n_way: int,
    probabilities: Float[np.ndarray, "n n_way"] | None,
) -> Float[np.ndarray, "n n_way"]:
    return probabilities if probabilities is not None else points @ unit_centres(points, labels, n_way).T


def _spread(
    points: Float[np.ndarray, "n dim"],
    labels: Int[np.ndarray, " n"],
    *,
    seed_rows: Int[np.ndarray, " n_sample"],
    seeds: Int[np.ndarray, " n_sample"],
    n_groups: int,
    usable: Int[np.ndarray, " n_usable"],
) -> Int[np.ndarray, " n_usable"]:
    """Spherical k-means over the usable rows from the seeds; stops before a cluster would lose its last row."""
    rows, fixed = points[usable], labels[usable]
    centres = unit_centres(points[seed_rows], seeds, n_groups)
    assignment = _nearest(rows, centres, fixed)
    for _ in range(N_ROUNDS):
        centres = unit_centres(rows, assignment, n_groups)
        moved = _nearest(rows, centres, fixed)
        if (moved == assignment).all() or len(np.unique(moved)) < len(np.unique(assignment)):
            break
        assignment = moved
    return assignment


def _nearest(
    rows: Float[np.ndarray, "n dim"], centres: Float[np.ndarray, "c dim"], fixed: Int[np.ndarray, " n"]
) -> Int[np.ndarray, " n"]:
    parts = [(rows[at : at + CHUNK] @ centres.T).argmax(axis=1) for at in range(0, len(rows), CHUNK)]
    return np.where(fixed >= 0, fixed, np.concatenate(parts))


def _largest_first(assignment: Int[np.ndarray, " n"], n_way: int, n_groups: int) -> Int[np.ndarray, " n"]:
    """Number the new groups by falling size; classes keep their numbers."""
    sizes = np.bincount(assignment[assignment >= 0], minlength=n_groups)
    order = n_way + np.argsort(-sizes[n_way:], kind="stable")
    renamed = np.arange(n_groups + 1)  # the last entry is where -1 points, and stays -1
    renamed[order], renamed[-1] = np.arange(n_way, n_groups), -1
    return renamed[assignment]


def _describe(
    points: Float[np.ndarray, "n dim"],
    assignment: Int[np.ndarray, " n"],
    class_names: Sequence[str],
    n_groups: int,
    texts: Sequence[str] | None,
) -> tuple[Cluster, ...]:
    words = telling_words(texts, assignment, n_groups) if texts is not None else [()] * n_groups
    centres = unit_centres(points, assignment, n_groups)
    clusters = []
    for at in range(n_groups):
        rows = np.flatnonzero(assignment == at)
        central = rows[np.argsort(-(points[rows] @ centres[at]), kind="stable")[:N_CENTRAL]]
        is_new = at >= len(class_names)
        new_name = ", ".join(words[at][:N_NAME_WORDS]) or f"group {at - len(class_names) + 1}"
        name = new_name if is_new else class_names[at]
        clusters.append(Cluster(name, is_new, len(rows), words[at], tuple(int(row) for row in central)))
    return tuple(clusters)


def _check(
    embeddings: Float[np.ndarray, "n dim"],
    labels: Int[np.ndarray, " n"],
    class_names: Sequence[str],
    n_clusters: int | None,
    others: dict[str, Sequence | np.ndarray | None],
) -> None:
    sizes = {name: len(value) for name, value in others.items() if value is not None} | {"labels": len(labels)}
    if any(size != len(embeddings) for size in sizes.values()):
        raise ShapeError(f"expected one row per embedding ({len(embeddings)}), got {sizes}.")
    if not np.isfinite(embeddings).all():
        raise ShapeError("embeddings: expected finite values, got NaN or infinity. Replace or drop these rows.")
    if n_clusters is None:
        return
    most = len(class_names) + int(((labels < 0) & embeddings.any(axis=1)).sum())
    if not max(len(class_names), 1) <= n_clusters <= most:
        raise ConfigError(
            f"n_clusters counts the labelled classes in: expected {max(len(class_names), 1)} (the classes) to {most} "
            f"(one more for each unlabelled row), got {n_clusters}. Leave it out to have it estimated."
        )
