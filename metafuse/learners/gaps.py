"""Unknown scores of rows that lack columns, brought to the scale of rows that have them.

A row with half of its columns is compared in half of a space, and everything there looks less familiar: on luma, rows
that have the name alone were called unknown in 94 of 100 cases. So the scores of such rows are matched, quantile by
quantile, with what rows of the source score as they are:

    s -> Q_whole( F_P(s) ),    F_P the scores of reference rows cut down to the columns P,  Q_whole their own quantiles

Each pattern of columns P is matched by itself, on reference rows that have at least P.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from metafuse.features import Features

N_REFERENCES = 400
FEWEST_REFERENCES = 30
MOST_COLUMNS = 8
"""Of more columns those of one modality come and go together, so that there are not too many patterns."""

Score = Callable[[Features], Float[np.ndarray, " n"]]
"""Items -> unknown scores, up = more unusual."""


@dataclass(frozen=True)
class GapReference:
    """Rows of the source that scores are matched on.

    Args:
        features: Of the rows.
        scores: Unknown scores of the rows as they are.
    """

    features: Features
    scores: Float[np.ndarray, " n"]

    def match(self, scores: Float[np.ndarray, " m"], features: Features, score: Score) -> Float[np.ndarray, " m"]:
        """Bring the scores of items that lack columns to the scale of the source's own rows.

        Args:
            scores: Unknown scores of the items.
            features: The items; what becomes of one does not depend on the others.
            score: What scored them.
        """
        groups = _groups(features)
        patterns, which = np.unique(_presence(features, groups), axis=0, return_inverse=True)
        own = _presence(self.features, groups)
        matched = scores.astype(np.float32, copy=True)
        for place, pattern in enumerate(patterns):
            rows = np.flatnonzero(which.ravel() == place)
            usable = np.flatnonzero((own >= pattern).all(axis=1) & (own != pattern).any(axis=1))
            if pattern.all() or not pattern.any() or len(usable) < FEWEST_REFERENCES:
                continue
            cut = score(_cut(self.features.take(usable), groups, pattern))
            matched[rows] = _by_quantile(scores[rows], np.sort(cut), np.sort(self.scores[usable]))
        return matched


def sample_references(support: Features, pool: Features | None, seed: int) -> Features:
    """Draw rows of a source to match scores on."""
    n_rows = len(support) + (0 if pool is None else len(pool))
    rows = np.sort(np.random.default_rng(seed).permutation(n_rows)[:N_REFERENCES])
    own = support.take(rows[rows < len(support)])
    if pool is None:
        return own
    others = pool.take(rows[rows >= len(support)] - len(support))
    return Features(
        {key: np.concatenate([own.matrices[key], others.matrices[key]]) for key in own.matrices},
        {key: np.concatenate([own.present[key], others.present[key]]) for key in own.present},
        own.modalities,
    )


def _groups(features: Features) -> list[list[str]]:
    """Columns that come and go together: each by itself, or all of a modality where there are many."""
    keys = [key for key, matrix in features.matrices.items() if matrix.shape[1]]
    if len(keys) <= MOST_COLUMNS:
        return [[key] for key in keys]
    by_modality: dict[str, list[str]] = {}
    for key in keys:
        by_modality.setdefault(features.modalities[key], []).append(key)
    return list(by_modality.values())


def _presence(features: Features, groups: list[list[str]]) -> Bool[np.ndarray, "n n_groups"]:
    return np.stack([np.any([features.present[key] for key in group], axis=0) for group in groups], axis=1)


def _cut(features: Features, groups: list[list[str]], pattern: Bool[np.ndarray, " n_groups"]) -> Features:
    """Take the columns away that a pattern lacks."""
    lost = {key for group, there in zip(groups, pattern, strict=True) if not there for key in group}
    return Features(
        {key: np.zeros_like(matrix) if key in lost else matrix for key, matrix in features.matrices.items()},
        {key: np.zeros_like(mask) if key in lost else mask for key, mask in features.present.items()},
        features.modalities,
    )


def _by_quantile(
    scores: Float[np.ndarray, " m"], cut: Float[np.ndarray, " n"], whole: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " m"]:
    """Map scores from one ascending sample to another; beyond its ends they keep their distance."""
    within = np.interp(scores, cut, whole)
    above, below = np.maximum(scores - cut[-1], 0), np.minimum(scores - cut[0], 0)
    return (within + above + below).astype(np.float32)
