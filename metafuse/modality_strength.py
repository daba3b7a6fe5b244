"""How strong each modality of a source is at telling the classes apart, and the early fusion that weighs them so."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, Int

from metafuse.features import Features
from metafuse.fusion.early import EarlyFusion, equal_weights, fit_early_fusion, normalise
from metafuse.learners.mixture import FEWEST_HELD_OUT
from metafuse.learners.prototypes import leave_one_out_prototypes
from metafuse.learners.weighing import MOST_COMPARED, agreement
from metafuse.schema import Modality

LEAST_WEIGHT = 0.1
"""Share of the strongest modality that every other keeps in the fused embedding: labels are few, and what says
nothing about them may still tell new groups and oddities apart."""

PRIOR_WEIGHT = {
    Modality.TEXT: 1.0,
    Modality.IMAGE: 0.5,
    Modality.AUDIO: 0.5,
    Modality.SERIES: 0.5,
    Modality.VECTOR: 0.5,
    Modality.NUMERIC: 0.3,
    Modality.GEO: 0.1,
}
"""Weights where no label can be held out; a table counts as numeric, and so does what is not named."""


def fit_fused(
    features: Features,
    modalities: Mapping[str, list[str]],
    labelled: Int[np.ndarray, " n_labelled"],
    class_index: Int[np.ndarray, " n_labelled"],
    class_shots: Features | None,
) -> EarlyFusion:
    """Fuse all modalities, each weighed by how well nearest prototypes in it label the support set.

    Args:
        features: All rows of the source.
        modalities: Modality -> its columns.
        labelled: Places of the labelled rows.
        class_index: Their classes.
        class_shots: One row per class, made of its name; None where names are not used.
    """
    n_way = int(class_index.max()) + 1
    strength: dict[str, float] = {}
    for name, columns in modalities.items():
        embedding = fit_early_fusion(features, dict.fromkeys(columns, 1.0)).forward(features.take(labelled))
        there = embedding.any(axis=1)
        found = nearest_held_out(embedding[there], class_index[there])
        rows = np.flatnonzero(found >= 0)
        if len(rows) >= FEWEST_HELD_OUT:
            strength[name] = agreement(found[rows], class_index[there][rows], n_way)
    if len(modalities) > 1 and len(strength) < len(modalities):
        agreed = _agreement_strength(features, modalities, labelled, class_index, class_shots)
        for name, columns in modalities.items():
            prior = PRIOR_WEIGHT.get(features.modalities[columns[0]], PRIOR_WEIGHT[Modality.NUMERIC])
            strength.setdefault(name, agreed.get(name, prior))
    best = max(strength.values(), default=0.0) or 1.0
    weights = equal_weights(features, [column for columns in modalities.values() for column in columns])
    for name, columns in modalities.items():
        for column in columns:
            weights[column] *= max(strength[name] / best, LEAST_WEIGHT) if len(modalities) > 1 else 1.0
    return fit_early_fusion(features, weights)


def _agreement_strength(
    features: Features,
    modalities: Mapping[str, list[str]],
    labelled: Int[np.ndarray, " n_labelled"],
    class_index: Int[np.ndarray, " n_labelled"],
    class_shots: Features | None,
) -> dict[str, float]:
    """How far each modality agrees on the rows with those that know the class names; nothing where none does.

    With too few labels to hold any out, a modality that knows nothing agrees with them only by chance.
    """
    if class_shots is None:
        return {}
    shown = features.take(np.linspace(0, len(features) - 1, min(len(features), MOST_COMPARED)).astype(np.int64))
    n_way = int(class_index.max()) + 1
    found, named = {}, []
    for name, columns in modalities.items():
        view = fit_early_fusion(features, dict.fromkeys(columns, 1.0))
        shots, embedding = view.forward(class_shots), view.forward(shown)
        if shots.any(axis=1).all():
            named.append(name)
        prototypes = normalise(
            np.eye(n_way, dtype=np.float32)[class_index].T @ view.forward(features.take(labelled)) + shots
        )
        found[name] = np.where(embedding.any(axis=1), (embedding @ prototypes.T).argmax(axis=1), -1)
    if not named:
        return {}
    first = found[named[0]]
    both = {name: (labels >= 0) & (first >= 0) for name, labels in found.items()}
    return {name: agreement(labels[both[name]], first[both[name]], n_way) for name, labels in found.items()}


def nearest_held_out(
    embedding: Float[np.ndarray, "n dim"], class_index: Int[np.ndarray, " n"]
) -> Int[np.ndarray, " n"]:
    """Class of the nearest prototype of each row, its own made without it; -1 for the only row of its class."""
    if len(embedding) == 0:
        return np.zeros(0, dtype=np.int64)
    # The fusion centres on the source already.
    return leave_one_out_prototypes(embedding, class_index, np.zeros(embedding.shape[1], dtype=np.float32))
