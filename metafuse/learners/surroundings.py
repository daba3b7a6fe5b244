"""A source's rows as the neighbours of other rows: what an adapted model keeps of a view."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from metafuse.features import Features
from metafuse.fusion.base import Fusion
from metafuse.index.knn import NeighbourSearch
from metafuse.learners.graph import N_NEIGHBOURS, average_neighbours
from metafuse.learners.seeding import Seeding
from metafuse.learners.view import View

NEIGHBOUR_FLOOR = 1e-3
"""Share of the uniform distribution mixed in, so that ten neighbours do not rule a class out."""


@dataclass(frozen=True)
class Look:
    """Rows as a view sees them.

    Args:
        x: Embeddings.
        near: Average class distribution of each row's nearest neighbours in the source.
        there: Which rows have any of the view's columns.
    """

    x: Float[np.ndarray, "n dim"]
    near: Float[np.ndarray, "n n_way"]
    there: Bool[np.ndarray, " n"]


@dataclass(frozen=True)
class Surroundings:
    """The rows of a source in one view, with the class distributions that propagation gave them."""

    fusion: Fusion
    base: Float[np.ndarray, "n dim"]
    distribution: Float[np.ndarray, "n n_way"]
    device: str

    @cached_property
    def _neighbours(self) -> NeighbourSearch:
        return NeighbourSearch(self.base, self.device)

    def moved(self, device: str) -> "Surroundings":
        """The same, searching on another device."""
        return replace(self, device=device)

    def look(self, features: Features) -> Look:
        """Embed rows and look at their neighbours; each row independent of the others."""
        x = self.fusion.forward(features)
        similarity, neighbour = self._neighbours.search(x, N_NEIGHBOURS)
        return Look(x, average_neighbours(self.distribution, similarity, neighbour), np.asarray(x.any(axis=1)))


@dataclass(frozen=True)
class NeighbourHead:
    """Reads the classes off a row's neighbours.

    Reference: Delalleau, Bengio, Le Roux 2005, "Efficient Non-Parametric Function Induction in Semi-Supervised
    Learning": label propagation's value at a row outside the graph is the weighted mean of its neighbours'.
    """

    floor: float = NEIGHBOUR_FLOOR

    def logits(self, near: Float[np.ndarray, "n n_way"]) -> Float[np.ndarray, "n n_way"]:
        """Turn the neighbours' average distributions into log-probabilities."""
        return np.log((1 - self.floor) * near + self.floor / near.shape[1]).astype(np.float32)


def surroundings_of(view: View, seeding: Seeding) -> Surroundings:
    """Keep of a view what predicting needs."""
    return Surroundings(view.fusion, view.base, seeding.distribution, view.device)
