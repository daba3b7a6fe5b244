"""A source as one fusion shows it: what every learner here is fitted to.

The labelled rows come first, the pool after them. Rows without any of the fusion's columns are left out.
A class's name counts as one more, weighted, row of it, as far as names alone label the support set.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from metafuse.errors import EpisodeError
from metafuse.features import Features
from metafuse.fusion.base import Fusion
from metafuse.learners.folds import assign_folds
from metafuse.learners.graph import Neighbourhood, find_neighbourhood
from metafuse.learners.policy import AdaptationNumbers, SourceTraits

POOL_LIMIT = 20_000
"""Rows of a larger pool that take part in fitting, drawn at random; all are predicted."""

FEWEST_FOLDS = 3
MOST_FOLDS = 10
FOLD_BUDGET = 6e8
"""Entries (rows x dimensions x classes) per view for which `MOST_FOLDS` folds stay within seconds on two cores."""

NAME_PSEUDO_ROWS = 5
NAME_FLOOR = 0.2


@dataclass(frozen=True)
class View:
    """A source through one fusion.

    Args:
        fusion: What made the embeddings.
        base: Labelled rows, then the pool, L2-normalised.
        rows: Place in the support set of each labelled row that is here.
        class_index: Their classes.
        n_way: Number of classes of the support set; some may have no row here.
        shots: Embeddings of the class names; None where names say nothing in this view.
        shot_weight: Share of the numbers' `name_rows` that a name is worth here, 0..1.
        fold: Fold in which each labelled row is held out, -1 for never.
        neighbourhood: Nearest neighbours within `base`.
        device: Where searches run.
        numbers: How to adapt to it.
        members: Place of each row of `base` among the support set and the pool after it, ascending.
    """

    fusion: Fusion
    base: Float[np.ndarray, "n dim"]
    rows: Int[np.ndarray, " n_labelled"]
    class_index: Int[np.ndarray, " n_labelled"]
    n_way: int
    shots: Float[np.ndarray, "n_way dim"] | None
    shot_weight: float
    fold: Int[np.ndarray, " n_labelled"]
    neighbourhood: Neighbourhood
    device: str
    numbers: AdaptationNumbers = field(default_factory=AdaptationNumbers)
    members: Int[np.ndarray, " n"] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    @property
    def n_folds(self) -> int:
        """Number of folds; 0 where no row can be held out."""
        return int(self.fold.max(initial=-1)) + 1

    @property
    def traits(self) -> SourceTraits:
        """What it shows to choose numbers by."""
        n_labelled = len(self.class_index)
        return SourceTraits(n_labelled / self.n_way, max((len(self.base) - n_labelled) / self.n_way, 1.0))

    def kept(self, held_out: int | None) -> Int[np.ndarray, " n_kept"]:
        """Places in `base` of the labelled rows outside a fold; of all of them for None."""
        return np.flatnonzero(self.fold != (-2 if held_out is None else held_out))

    def labelled(
        self, held_out: int | None
    ) -> tuple[Float[np.ndarray, "n dim"], Float[np.ndarray, "n n_way"], Float[np.ndarray, " n"]]:
        """Embeddings, one-hot targets and weights of the labelled rows outside a fold and of the class names."""
        kept = self.kept(held_out)
        one_hot = np.eye(self.n_way, dtype=np.float32)
        x, targets, weight = self.base[kept], one_hot[self.class_index[kept]], np.ones(len(kept), dtype=np.float32)
        if self.shots is None:
            return x, targets, weight
        named = np.full(self.n_way, self.numbers.name_rows * self.shot_weight, dtype=np.float32)
        return np.concatenate([x, self.shots]), np.concatenate([targets, one_hot]), np.concatenate([weight, named])


def read_view(
    fusion: Fusion,
    support: Features,
    class_index: Int[np.ndarray, " n_support"],
    *,
    pool: Features | None,
    class_shots: Features | None,
    seed: int,
    device: str,
) -> View | None:
    """Embed a support set, its pool and its class names, and find the neighbours.

    Returns:
        None where there is nothing to learn from: no labelled row with the fusion's columns, or no second row.
    Raises:
        EpisodeError: fewer than two classes, or a class without a support item.
    """
    n_way = check_classes(class_index)
    embedding = fusion.forward(support)
    rows = np.flatnonzero(embedding.any(axis=1))
    blocks, members = [embedding[rows]], [rows]
    generator = np.random.default_rng(seed)
    if pool is not None and len(pool):
        others, there = _draw_pool(fusion, pool, seed)
        blocks.append(others)
        members.append(len(embedding) + there)
    base = np.concatenate(blocks)
    if len(rows) == 0 or len(base) < 2:
        return None
    shots, weight = _read_shots(fusion, class_shots, base[: len(rows)], class_index[rows])
    n_folds = _choose_folds(class_index[rows], base.size * n_way)
    return View(
        fusion=fusion,
        base=base,
        rows=rows,
        class_index=class_index[rows],
        n_way=n_way,
        shots=shots,
        shot_weight=weight,
        fold=assign_folds(class_index[rows], n_folds, generator),
        neighbourhood=find_neighbourhood(base, device),
        device=device,
        members=np.concatenate(members),
    )


def _draw_pool(fusion: Fusion, pool: Features, seed: int) -> tuple[Float[np.ndarray, "n dim"], Int[np.ndarray, " n"]]:
    """Embed rows of the pool that have any of the fusion's columns, up to `POOL_LIMIT` of them.

    Of a larger pool rows are taken in a random order, the same for every view, until there are enough: only those need
    to be embedded, and views show the same rows as far as these have their columns.

    Returns:
        Embeddings, and places in the pool, ascending.
    """
    order = np.arange(len(pool))
    if len(pool) > POOL_LIMIT:
        order = np.random.default_rng(seed).permutation(len(pool))
    kept: list[np.ndarray] = []
    embeddings: list[np.ndarray] = []
    n_kept = 0
    for start in range(0, len(pool), POOL_LIMIT):
        rows = np.sort(order[start : start + POOL_LIMIT])
        embedding = fusion.forward(pool.take(rows))
        there = np.flatnonzero(embedding.any(axis=1))[: POOL_LIMIT - n_kept]
        kept.append(rows[there])
        embeddings.append(embedding[there])
        n_kept += len(there)
        if n_kept == POOL_LIMIT:
            break
    places = np.concatenate(kept)
    ascending = np.argsort(places, kind="stable")
    return np.concatenate(embeddings)[ascending], places[ascending]


def check_classes(class_index: Int[np.ndarray, " n_support"]) -> int:
    """Return the number of classes.

    Raises:
        EpisodeError: fewer than two classes, or a class without a support item.
    """
    counts = np.bincount(class_index) if len(class_index) else np.zeros(0, dtype=np.int64)
    if len(counts) < 2:
        raise EpisodeError(f"expected labels of at least two classes, got {len(counts)}. Label rows of another class.")
    if not counts.all():
        raise EpisodeError(
            f"classes {np.flatnonzero(counts == 0).tolist()} have no support item. Renumber or label them."
        )
    return len(counts)


def name_weight(
    support: Float[np.ndarray, "n dim"],
    class_index: Int[np.ndarray, " n"],
    shots: Float[np.ndarray, "n_way dim"],
) -> float:
    """How much of a labelled row a class name is worth, 0..1, from how well names alone label the support set.

    Accuracy of the nearest name, shrunk towards chance with five pseudo-rows; half-way from chance to 1 earns
    the full weight, and names below a fifth of that ("E77", "3") count nothing.
    """
    chance = 1.0 / len(shots)
    hits = int((np.argmax(support @ shots.T, axis=1) == class_index).sum())
    accuracy = (hits + NAME_PSEUDO_ROWS * chance) / (len(class_index) + NAME_PSEUDO_ROWS)
    weight = min(max(2 * (accuracy - chance) / (1 - chance), 0.0), 1.0)
    return weight if weight >= NAME_FLOOR else 0.0


def _read_shots(
    fusion: Fusion,
    class_shots: Features | None,
    support: Float[np.ndarray, "n dim"],
    class_index: Int[np.ndarray, " n"],
) -> tuple[Float[np.ndarray, "n_way dim"] | None, float]:
    if class_shots is None:
        return None, 0.0
    shots = fusion.forward(class_shots)
    weight = name_weight(support, class_index, shots) if shots.any(axis=1).all() else 0.0
    return (shots, weight) if weight > 0 else (None, 0.0)


def _choose_folds(class_index: Int[np.ndarray, " n"], n_entries: int) -> int:
    most = int(np.bincount(class_index, minlength=1).max())
    affordable = max(FEWEST_FOLDS, int(MOST_FOLDS * min(1.0, FOLD_BUDGET / max(n_entries, 1) / MOST_FOLDS)))
    return max(2, min(most, MOST_FOLDS, affordable))
