"""Finding rows by one modality from another, in spaces learned from a source's own unlabelled pairs.

Each two modalities that a query can be made of get a space of their own. How well it works is measured on pairs it was
not fitted on, before it is fitted on all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from metafuse.crossmodal import ALIGNERS
from metafuse.crossmodal.base import Aligner
from metafuse.crossmodal.hiding import split_rows
from metafuse.crossmodal.recall import AT, recall_at
from metafuse.errors import SchemaError
from metafuse.features import Features
from metafuse.fusion.early import EarlyFusion, equal_weights, fit_early_fusion
from metafuse.schema import Modality

QUERIES = (Modality.TEXT, Modality.IMAGE, Modality.AUDIO)
"""What a query can be made of."""
FEWEST_PAIRS = 100
"""Distinct pairs. On emoji 100 found 28 % of the held-out pictures among the first ten, where chance is 2 %, and 25
found 13 %; but a fifth of fewer than 100 is too few to measure it on."""
MOST_PAIRS = 2_000
"""Pairs fitted on; of more, some are drawn."""
CHUNK = 4_096
"""Rows mapped at a time."""


@dataclass(frozen=True)
class PairRecall:
    """How well rows are found from one modality to another, on held-out pairs.

    Args:
        n_pairs: Distinct pairs it was measured with, those held out among them.
        n_held_out: Of these, held out: queries, and the items each is searched among.
        forward: k -> share of queries by the first modality that find their row among the first k.
        backward: The same of queries by the second modality.
    """

    n_pairs: int
    n_held_out: int
    forward: Mapping[int, float]
    backward: Mapping[int, float]

    def as_dict(self, x: Modality, y: Modality) -> dict[str, Any]:
        """Plain dicts and numbers; shares in 0..1, with what chance would give beside them."""
        chance = {k: min(1.0, k / self.n_held_out) for k in AT}
        return {
            "n_pairs": self.n_pairs,
            "n_held_out": self.n_held_out,
            f"{x} -> {y}": {f"recall@{k}": self.forward[k] for k in AT},
            f"{y} -> {x}": {f"recall@{k}": self.backward[k] for k in AT},
            "chance": {f"recall@{k}": share for k, share in chance.items()},
        }


@dataclass(frozen=True)
class AlignedPair:
    """Two modalities in one space.

    Args:
        x: First modality.
        y: Second modality.
        x_side: Fuses its columns.
        y_side: Fuses those of the second.
        aligner: Maps both into the space.
        recall: On held-out pairs.
    """

    x: Modality
    y: Modality
    x_side: EarlyFusion
    y_side: EarlyFusion
    aligner: Aligner
    recall: PairRecall

    def project(self, features: Features, modality: Modality) -> Float[np.ndarray, "n dim"]:
        """Map items by one of the two modalities; zero where an item lacks it."""
        is_x = modality == self.x
        fused = (self.x_side if is_x else self.y_side).forward(features)
        project = self.aligner.project_x if is_x else self.aligner.project_y
        starts = range(0, max(len(fused), 1), CHUNK)
        projected = np.concatenate([project(fused[start : start + CHUNK]) for start in starts])
        return np.where(fused.any(axis=1, keepdims=True), projected, np.float32(0)).astype(np.float32)


@dataclass(frozen=True)
class CrossModal:
    """The spaces of a source.

    Args:
        pairs: One for each two modalities that enough rows have both of.
    """

    pairs: tuple[AlignedPair, ...]

    def embed_query(self, features: Features, source: Modality, target: Modality) -> Float[np.ndarray, "n dim"]:
        """Embed what is searched for: items that have `source`, to be compared with rows by their `target`.

        Returns:
            float32, L2-normalised; zero where an item lacks the modality.
        Raises:
            SchemaError: there is no space of these two modalities.
        """
        return self._pair(source, target).project(features, source)

    def item_embeddings(self, features: Features, source: Modality, target: Modality) -> Float[np.ndarray, "n dim"]:
        """Embed rows by their `target` alone, to be found from `source`.

        Returns:
            float32, L2-normalised; zero where a row lacks the modality.
        Raises:
            SchemaError: there is no space of these two modalities.
        """
        return self._pair(source, target).project(features, target)

    def as_dict(self) -> dict[str, Any]:
        """Recall of each pair on held-out rows, as plain dicts, lists and numbers."""
        return {f"{pair.x} and {pair.y}": pair.recall.as_dict(pair.x, pair.y) for pair in self.pairs}

    def _pair(self, source: Modality, target: Modality) -> AlignedPair:
        for pair in self.pairs:
            if {source, target} == {pair.x, pair.y}:
                return pair
        known = ", ".join(f"{pair.x} and {pair.y}" for pair in self.pairs)
        raise SchemaError(
            f"expected two modalities that share a space, got {source} and {target}. This source has {known}."
        )


def fit_crossmodal(
    features: Features, *, seed: int, aligner: str = "contrastive", minimum_pairs: int = FEWEST_PAIRS
) -> CrossModal | None:
    """Learn the spaces of a source from its rows, labelled or not.

    Args:
        features: Of the source's rows.
        seed: Decides the rows drawn and held out, and the training.
        aligner: Name in the registry of aligners.
        minimum_pairs: Distinct pairs that two modalities need.
    Returns:
        The spaces; None where no two modalities have pairs enough.
    Raises:
        ConfigError: no such aligner.
    """
    columns = {
        modality: [name for name, kind in features.modalities.items() if kind == modality] for modality in QUERIES
    }
    found = []
    for x, y in combinations([modality for modality in QUERIES if columns[modality]], 2):
        rows = np.flatnonzero(_has(features, columns[x]) & _has(features, columns[y]))
        pair = _fit_pair(features.take(rows), (x, y), (columns[x], columns[y]), aligner, seed, minimum_pairs)
        if pair is not None:
            found.append(pair)
    return CrossModal(tuple(found)) if found else None


def _fit_pair(  # noqa: PLR0917 - the two sides come in twos
    features: Features,
    modalities: tuple[Modality, Modality],
    columns: tuple[list[str], list[str]],
    aligner: str,
    seed: int,
    minimum_pairs: int,
) -> AlignedPair | None:
    x_side, y_side = (fit_early_fusion(features, equal_weights(features, names)) for names in columns)
    x, y = x_side.forward(features), y_side.forward(features)
    random = np.random.default_rng(seed)
    rows = np.sort(random.permutation(_distinct(x, y))[:MOST_PAIRS])
    if len(rows) < minimum_pairs:
        return None
    x, y = x[rows], y[rows]
    fitted, held_out = split_rows(len(rows), random)
    judged: Aligner = ALIGNERS.build(aligner, x[fitted], y[fitted], seed=seed)
    similarity = judged.project_x(x[held_out]) @ judged.project_y(y[held_out]).T
    recall = PairRecall(len(rows), len(held_out), recall_at(similarity), recall_at(similarity.T))
    final: Aligner = ALIGNERS.build(aligner, x, y, seed=seed)
    return AlignedPair(modalities[0], modalities[1], x_side, y_side, final, recall)


def _has(features: Features, columns: list[str]) -> Bool[np.ndarray, " n"]:
    return np.any([features.present[name] for name in columns], axis=0)


def _distinct(x: Float[np.ndarray, "n dim_x"], y: Float[np.ndarray, "n dim_y"]) -> Int[np.ndarray, " m"]:
    """Rows of which neither side came before: a copy on the other side of a split would be found for certain."""
    seen: tuple[set[bytes], set[bytes]] = (set(), set())
    kept = []
    for row, sides in enumerate(zip(x, y, strict=True)):
        keys = [side.tobytes() for side in sides]
        if not any(key in before for key, before in zip(keys, seen, strict=True)):
            kept.append(row)
        for key, before in zip(keys, seen, strict=True):
            before.add(key)
    return np.array(kept, dtype=np.int64)
