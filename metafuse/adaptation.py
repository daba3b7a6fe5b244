"""Adapts to a source's features: fusion weights, experts, and how good the result is on held-out labels."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Int

from metafuse.base_checkpoint import Base, episodic_head
from metafuse.contributions import ModalityResult, measure_contributions
from metafuse.errors import SchemaError
from metafuse.evaluation import Proportion, confusions, proportion
from metafuse.features import Features
from metafuse.fusion import FUSIONS
from metafuse.fusion.attention import fit_attention_fusion
from metafuse.fusion.base import Fusion
from metafuse.fusion.blocks import fit_blocks
from metafuse.fusion.early import EarlyFusion, equal_weights, fit_early_fusion
from metafuse.fusion.mapped import MappedFusion, layout_of
from metafuse.fusion.plan import PRODUCT
from metafuse.fusion.reduced import reduce_fusion
from metafuse.learners import EPISODIC, LEARNERS
from metafuse.learners.base import HeldOut
from metafuse.learners.mixture import Mixture
from metafuse.learners.product import fit_mixture
from metafuse.learners.weighing import BLOCKS, FUSED
from metafuse.modality_strength import fit_fused, nearest_held_out
from metafuse.parallel import run_side_by_side
from metafuse.schema import TABULAR, Modality

TABLE_NAME = "table"


@dataclass(frozen=True)
class ClassResult:
    """Held-out result of one class."""

    label: str
    accuracy: Proportion


@dataclass(frozen=True)
class Metrics:
    """How good an adapted model is, measured on the support set.

    Args:
        leave_one_out: Accuracy on labelled rows held out of the fit.
        n_folds: Folds they were held out in; with k labels a class and k folds, one row a class at a time.
        baseline: Leave-one-out accuracy of the nearest prototype on the frozen features, all modalities alike.
        classes: Per class.
        confusions: (true label, predicted label, count), most frequent first.
        modalities: Per modality; and "fused" (or "graph", "blocks") for an expert that sees all of them.
        combined: How the experts were combined: "product", or the name of a combination.
        combinations: Held-out accuracy of each way of combining them that was compared, fitted to other rows.
    """

    leave_one_out: Proportion
    n_folds: int
    baseline: Proportion
    classes: tuple[ClassResult, ...]
    confusions: tuple[tuple[str, str, int], ...]
    modalities: Mapping[str, ModalityResult]
    combined: str = PRODUCT
    combinations: Mapping[str, Proportion] = field(default_factory=dict)

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
                    "shapley": None
                    if result.shapley is None
                    else {"accuracy": result.shapley.accuracy, "log_loss": result.shapley.log_loss},
                }
                for name, result in self.modalities.items()
            },
            "fusion": {
                "combined": self.combined,
                "candidates": {name: _plain(found) for name, found in self.combinations.items()},
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
    plan = FUSIONS.build(fusion)
    labelled, pool = np.flatnonzero(class_index >= 0), np.flatnonzero(class_index < 0)
    modalities = columns_by_modality(features)
    if not modalities:
        raise SchemaError(
            "expected a column with values to learn from, got none: every cell is empty or cannot be read. Mend the "
            "cells, or give a source with more columns."
        )
    residuals = base.residuals if base else {}
    early = fit_fused(features, modalities, labelled, class_index[labelled], class_shots)
    if plan.attention or (base is not None and base.weigher is not None):
        weigher = base.weigher if base is not None else None
        whole: Fusion = fit_attention_fusion(features, class_index, weigher=weigher, seed=seed)
    else:
        whole = _map(early, features, residuals)
    fused = reduce_fusion(whole, features, seed)
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
    if learner == "auto" and len(modalities) > 1 and plan.by_modality:
        fits = [partial(_fit_view, features, columns, residuals, seed) for columns in modalities.values()]
        views: dict[str, Fusion] = dict(zip(modalities, run_side_by_side(fits), strict=True))
        blocks = (
            {BLOCKS: fit_blocks(views, _modality_weights(early, modalities), features, seed)} if plan.blocks else {}
        )
        options |= {"plan": plan, "views": views | ({FUSED: fused} if plan.fused else {}) | blocks}
    return LEARNERS.build(learner, fused, **options).adapt(support, known, pool=unlabelled, class_shots=class_shots)


def _fit_view(features: Features, columns: list[str], residuals: Mapping[str, np.ndarray], seed: int) -> Fusion:
    """The early fusion of one modality's columns."""
    early = fit_early_fusion(features, dict.fromkeys(columns, 1.0))
    return reduce_fusion(_map(early, features, residuals), features, seed)


def _modality_weights(early: EarlyFusion, modalities: Mapping[str, list[str]]) -> dict[str, float]:
    return {name: sum(early.weights[column] for column in columns) for name, columns in modalities.items()}


def _map(early: EarlyFusion, features: Features, residuals: Mapping[str, np.ndarray]) -> Fusion:
    return MappedFusion(early, layout_of(early, features.modalities), residuals) if residuals else early


def columns_by_modality(features: Features) -> dict[str, list[str]]:
    """Modality -> its columns, tabular ones under "table"; those that no row has, or that hold nothing, left out.

    Every vector column is a modality of its own, under its name: it may come from anywhere, and says nothing of others.
    """
    groups: dict[str, list[str]] = {}
    for column, modality in features.modalities.items():
        if features.present[column].any() and features.matrices[column].shape[1]:
            groups.setdefault(_group_of(column, modality), []).append(column)
    return groups


def _group_of(column: str, modality: Modality) -> str:
    if modality is Modality.VECTOR:
        return column
    return TABLE_NAME if modality in TABULAR else str(modality)


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
        modalities=measure_contributions(held_out),
        combined=held_out.combined,
        combinations={name: proportion(hits) for name, hits in held_out.candidates.items()},
    )


def _baseline(features: Features, class_index: Int[np.ndarray, " n_items"]) -> Proportion:
    columns = [column for group in columns_by_modality(features).values() for column in group]
    labelled = np.flatnonzero(class_index >= 0)
    embedding = fit_early_fusion(features, equal_weights(features, columns)).forward(features.take(labelled))
    found = nearest_held_out(embedding, class_index[labelled])
    return proportion((found == class_index[labelled])[found >= 0])


def _plain(found: Proportion) -> dict[str, float | int]:
    return {"accuracy": found.share, "low": found.low, "high": found.high, "n": found.n}
