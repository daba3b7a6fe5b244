"""What a learner is: it adapts to a support set and returns a model of it, itself unchanged."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

from metafuse.features import Features


@dataclass(frozen=True)
class HeldOut:
    """How the labelled rows fare when they are not learned from.

    Args:
        rows: Places in the support set of the rows that were held out.
        class_index: Their classes.
        log_probabilities: What a model fitted without them says of each.
        experts: Name of each expert -> what it alone says; zeros where it has nothing to go by.
        weights: Name of each expert -> its weight in the product.
        n_folds: Number of folds.
        combined: How the experts were combined: "product", or the name of a combination.
        candidates: Each way of combining that was compared -> which rows it is right about, fitted to other rows.
    """

    rows: Int[np.ndarray, " n"]
    class_index: Int[np.ndarray, " n"]
    log_probabilities: Float[np.ndarray, "n n_way"]
    experts: Mapping[str, Float[np.ndarray, "n n_way"]]
    weights: Mapping[str, float]
    n_folds: int
    combined: str = "product"
    candidates: Mapping[str, Bool[np.ndarray, " n"]] = field(default_factory=dict)


@runtime_checkable
class Adapted(Protocol):
    """A learner's model of one support set; a frozen dataclass, so that it can be saved."""

    @property
    def held_out(self) -> HeldOut:
        """How the labelled rows fare when held out."""
        ...

    def embed(self, features: Features) -> Float[np.ndarray, "n_items dim"]:
        """Return the embedding in which the model compares items, L2-normalised."""
        ...

    def logits(self, features: Features) -> Float[np.ndarray, "n_items n_way"]:
        """Return class scores, each row independent of the others; their softmax is calibrated."""
        ...

    def p_values(self, features: Features) -> Float[np.ndarray, " n_items"]:
        """Return the share of known-class rows at least as unusual as each item, in 0..1."""
        ...


@runtime_checkable
class Learner(Protocol):
    """Adapts to a support set. Built with the fusion it adapts: `Learner(fusion, **options)`."""

    def adapt(
        self,
        support: Features,
        class_index: Int[np.ndarray, " n_support"],
        *,
        pool: Features | None = None,
        class_shots: Features | None = None,
    ) -> Adapted:
        """Adapt to labelled items.

        Args:
            support: Labelled items.
            class_index: Class of each, every value of 0..n_way-1 present.
            pool: Unlabelled items of the same source.
            class_shots: One item per class, in class order, made of the class's name.
        Raises:
            EpisodeError: fewer than two classes, or a class without a support item.
        """
        ...
