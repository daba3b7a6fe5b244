"""What a learner is: it adapts to a support set and returns a model of it, itself unchanged."""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from metafuse.features import Features


@runtime_checkable
class Adapted(Protocol):
    """A learner's model of one support set."""

    def embed(self, features: Features) -> Float[np.ndarray, "n_items dim"]:
        """Return the embedding in which the model compares items, L2-normalised."""
        ...

    def logits(self, features: Features) -> Float[np.ndarray, "n_items n_way"]:
        """Return unnormalised class scores, each row independent of the others; softmax is calibrated."""
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
