"""Adapts to a source's features: fusion weights, experts, and how good the result is on held-out labels."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int

from metafuse.base_checkpoint import Base, episodic_head
from metafuse.errors import ConfigError, SchemaError
from metafuse.evaluation import Proportion, confusions, proportion
from metafuse.features import Features
from metafuse.fusion.base import Fusion
from metafuse.fusion.early import EarlyFusion, equal_weights, fit_early_fusion
from metafuse.fusion.late import combine_experts, fit_expert_weights
from metafuse.fusion.mapped import MappedFusion, layout_of
from metafuse.fusion.reduced import reduce_fusion
from metafuse.learners import EPISODIC, LEARNERS
from metafuse.learners.base import HeldOut
from metafuse.learners.mixture import Mixture
from metafuse.learners.product import FUSED, agreement, fit_mixture
from metafuse.learners.prototypes import leave_one_out_prototypes
from metafuse.schema import TABULAR, Modality

FUSIONS = ("auto", "early", "late")
LEAST_WEIGHT = 0.1
"""Share of the strongest modality that every other keeps in the fused embedding: labels are few, and what says
nothing about them may still tell new groups and oddities apart."""

PRIOR_WEIGHT = {Modality.TEXT: 1.0, Modality.IMAGE: 0.5, Modality.NUMERIC: 0.3}
"""Weights where no label can be held out; a table counts as numeric."""

TABLE_NAME = "table"


@dataclass(frozen=True)
class ClassResult:
    """Held-out result of one class."""

    label: str
    accuracy: Proportion


@dataclass(frozen=True)
class ModalityResult:
    """What one modality adds.

    Args:
        alone: Held-out accuracy of its expert alone.
        without: Held-out accuracy of all the others; None where there are none.
        weight: Share of the product that is its expert's doing: its weight times the spread of what it says.
    """

    alone: Proportion
    without: Proportion | None
    weight: float


@dataclass(frozen=True)
class Metrics:
    """How good an adapted model is, measured on the support set.

    Args:
        leave_one_out: Accuracy on labelled rows held out of the fit.
        n_folds: Folds they were held out in; with k labels a class and k folds, one row a class at a time.
        baseline: Leave-one-out accuracy of the nearest prototype on the frozen features, all modalities alike.
        classes: Per class.
        confusions: (true label, predicted label, count), most frequent first.
        modalities: Per modality; and "fused" where the early fusion has an expert too.
    """

    leave_one_out: Proportion
    n_folds: int
    baseline: Proportion
    classes: tuple[ClassResult, ...]
    confusions: tuple[tuple[str, str, int], ...]
    modalities: Mapping[str, ModalityResult]

    def as_dict(self) -> dict[str, Any]:
        """Plain dicts, lists and numbers; shares in 0..1."""
        return {
            "leave_one_out": _plain(self.leave_one_out) | {"n_folds": self.n_folds},
            "baseline": {"method": "nearest prototype on frozen features", **_plain(self.baseline)},
            "classes": {result.label: _plain(result.accuracy) for result in self.classes},
            "confusions": [list(confusion) for confusion in self.confusions],
            "modalities": {
                name: {
                    "alone": _plain(result.alone),
                    "without": None if result.without is None else _plain(result.without),
                    "weight": result.weight,
                }
                for name, result in self.modalities.items()
            },
        }


def adapt_features(
    features: Features,
    class_index: Int[np.ndarray, " n_items"],
    *,
    class_shots: Features | None,
    learner: str,
    fusion: str,
    seed: int,
    device: str,
    base: Base | None = None,
) -> Mixture:
    """Adapt a learner to the labelled rows of a source.

    Args:
        features: All rows.
        class_index: Class of each row, -1 where unlabelled.
        class_shots: One row per class, made of its name; None where names are not used.
        learner: Name in the registry of learners, or of episodic learners.
        fusion: "early": one expert on the fused embedding; "late": one per modality; "auto": both, weighed.
        seed: Decides folds and samples.
        device: Where searches run.
        base: What meta-training taught; None to start from plain features.
    Returns:
        The adapted model.
    Raises:
        ConfigError: no such learner or fusion.
        SchemaError: no column holds anything.
        EpisodeError: fewer than two classes.
    """
    if fusion not in FUSIONS:
        raise ConfigError(f"unknown fusion '{fusion}'. Known: {', '.join(FUSIONS)}. Use one of these names.")
    labelled, pool = np.flatnonzero(class_index >= 0), np.flatnonzero(class_index < 0)
    modalities = columns_by_modality(features)
    if not modalities:
        raise SchemaError("expected a column with values to learn from, got none. Give a source with more columns.")
    residuals = base.residuals if base else {}
    early = _fit_fused(features, modalities, labelled, class_index[labelled])
    fused = reduce_fusion(_map(early, features, residuals), features, seed)
    support, known, unlabelled = features.take(labelled), class_index[labelled], features.take(pool)
    # "prototypical" is a plain learner too: with a checkpoint of the episodic one, the trained one is meant.
    is_plain = learner in LEARNERS.names() and not (base is not None and base.has_head(learner))
    if learner in EPISODIC.names() and not is_plain:
        head = episodic_head(learner, base, layout_of(early, features.modalities))
        return fit_mixture(
            fused, {learner: early}, (head,), (1.0,),
            support=support, class_index=known, pool=unlabelled, class_shots=class_shots, seed=seed, device=device,
        )  # fmt: skip
    options: dict[str, object] = {"seed": seed, "device": device}
    if learner == "auto" and len(modalities) > 1 and fusion != "early":
        options["views"] = {
            name: reduce_fusion(
                _map(fit_early_fusion(features, dict.fromkeys(columns, 1.0)), features, residuals), features, seed
            )
            for name, columns in modalities.items()
        } | ({FUSED: fused} if fusion == "auto" else {})
    return LEARNERS.build(learner, fused, **options).adapt(support, known, pool=unlabelled, class_shots=class_shots)


def _map(early: EarlyFusion, features: Features, residuals: Mapping[str, np.ndarray]) -> Fusion:
    return MappedFusion(early, layout_of(early, features.modalities), residuals) if residuals else early


def columns_by_modality(features: Features) -> dict[str, list[str]]:
    """Modality -> its columns, tabular ones under "table"; those that no row has, or that hold nothing, left out."""
    groups: dict[str, list[str]] = {}
    for column, modality in features.modalities.items():
        if features.present[column].any() and features.matrices[column].shape[1]:
            groups.setdefault(TABLE_NAME if modality in TABULAR else str(modality), []).append(column)
    return groups


def measure(
    held_out: HeldOut,
    features: Features,
    class_index: Int[np.ndarray, " n_items"],
    classes: tuple[str, ...],
) -> Metrics:
    """Measure an adapted model on its held-out labels, beside the plain baseline.

    Args:
        held_out: Of the adapted model.
        features: All rows.
        class_index: Class of each row, -1 where unlabelled.
        classes: Label of each class.
    """
    truth, predicted = held_out.class_index, held_out.log_probabilities.argmax(axis=1)
    right = predicted == truth
    per_class = tuple(ClassResult(label, proportion(right[truth == place])) for place, label in enumerate(classes))
    mistakes = confusions(truth, predicted, len(classes))
    return Metrics(
        leave_one_out=proportion(right),
        n_folds=held_out.n_folds,
        baseline=_baseline(features, class_index),
        classes=per_class,
        confusions=tuple((classes[true], classes[taken], count) for true, taken, count in mistakes),
        modalities=_contributions(held_out),
    )


def _fit_fused(
    features: Features,
    modalities: Mapping[str, list[str]],
    labelled: Int[np.ndarray, " n_labelled"],
    class_index: Int[np.ndarray, " n_labelled"],
) -> EarlyFusion:
    strength = {}
    for name, columns in modalities.items():
        view = fit_early_fusion(features, dict.fromkeys(columns, 1.0))
        embedding = view.forward(features.take(labelled))
        there = embedding.any(axis=1)
        found = _nearest_held_out(embedding[there], class_index[there])
        prior = PRIOR_WEIGHT.get(features.modalities[columns[0]], PRIOR_WEIGHT[Modality.NUMERIC])
        rows = np.flatnonzero(found >= 0)
        n_way = int(class_index.max()) + 1
        strength[name] = agreement(found[rows], class_index[there][rows], n_way) if len(rows) else prior
    best = max(strength.values()) or 1.0
    weights = equal_weights(features, [column for columns in modalities.values() for column in columns])
    for name, columns in modalities.items():
        for column in columns:
            weights[column] *= max(strength[name] / best, LEAST_WEIGHT)
    return fit_early_fusion(features, weights)


def _nearest_held_out(embedding: np.ndarray, class_index: np.ndarray) -> np.ndarray:
    if len(embedding) == 0:
        return np.zeros(0, dtype=np.int64)
    # The fusion centres on the source already.
    return leave_one_out_prototypes(embedding, class_index, np.zeros(embedding.shape[1], dtype=np.float32))


def _baseline(features: Features, class_index: Int[np.ndarray, " n_items"]) -> Proportion:
    columns = [column for group in columns_by_modality(features).values() for column in group]
    labelled = np.flatnonzero(class_index >= 0)
    embedding = fit_early_fusion(features, equal_weights(features, columns)).forward(features.take(labelled))
    found = _nearest_held_out(embedding, class_index[labelled])
    return proportion((found == class_index[labelled])[found >= 0])


def _contributions(held_out: HeldOut) -> dict[str, ModalityResult]:
    truth, names = held_out.class_index, list(held_out.experts)
    say = {name: held_out.weights[name] * _spread_of(held_out.experts[name]) for name in names}
    total = sum(say.values()) or 1.0
    results = {}
    for name in names:
        others = [other for other in names if other not in (name, FUSED)]
        without = None
        if others and name != FUSED and len(truth):
            said = [held_out.experts[other] for other in others]
            weights = fit_expert_weights(said, truth, [1.0] * len(said))
            without = proportion(combine_experts(said, weights).argmax(axis=1) == truth)
        alone = proportion(held_out.experts[name].argmax(axis=1) == truth)
        results[name] = ModalityResult(alone, without, say[name] / total)
    return results


def _spread_of(log_probabilities: np.ndarray) -> float:
    return float(log_probabilities.std(axis=1).mean()) if len(log_probabilities) else 1.0


def _plain(found: Proportion) -> dict[str, float | int]:
    return {"accuracy": found.share, "low": found.low, "high": found.high, "n": found.n}
