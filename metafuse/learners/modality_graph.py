"""A view whose graph is that of every modality: what the fused one is where neighbours differ between modalities."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from metafuse.features import Features
from metafuse.fusion.base import Fusion
from metafuse.fusion.graph import fuse_graphs, strongest_edges
from metafuse.learners.graph import N_NEIGHBOURS, POWER, Neighbourhood
from metafuse.learners.seeding import Seeding
from metafuse.learners.surroundings import Look, Surroundings
from metafuse.learners.teaching import places_in
from metafuse.learners.view import View


@dataclass(frozen=True)
class GraphSurroundings:
    """The rows of a source as neighbours in each modality.

    Args:
        fusion: Embeds rows.
        parts: Rows that have a modality, with what the fused graph says of them; one a modality.
        weights: Of each modality.
    """

    fusion: Fusion
    parts: tuple[Surroundings, ...]
    weights: tuple[float, ...]

    def moved(self, device: str) -> "GraphSurroundings":
        """The same, searching on another device."""
        return replace(self, parts=tuple(part.moved(device) for part in self.parts))

    def look(self, features: Features) -> Look:
        """Embed rows and look at their neighbours in the modalities they have."""
        x = self.fusion.forward(features)
        near: Float[np.ndarray, "n n_way"] = np.zeros((len(x), self.parts[0].distribution.shape[1]), dtype=np.float32)
        for part, weight in zip(self.parts, self.weights, strict=True):
            look = part.look(features)
            near += np.float32(weight) * look.near * look.there[:, None]
        mass = near.sum(axis=1, keepdims=True)
        uniform = np.float32(1 / near.shape[1])
        return Look(x, np.where(mass > 0, near / np.maximum(mass, 1e-12), uniform), np.asarray(x.any(axis=1)))


def fuse_views(fused: View, views: Mapping[str, View], weights: Mapping[str, float]) -> View:
    """Give the fused view the graph of the modalities' views.

    Args:
        fused: View of all modalities.
        views: View of each.
        weights: Of each.
    """
    graph = fuse_graphs(
        [view.neighbourhood.graph for view in views.values()],
        [places_in(fused, view) for view in views.values()],
        [weights[name] for name in views],
        len(fused.base),
    )
    weight, end = strongest_edges(graph, N_NEIGHBOURS)
    # Neighbours are averaged by the cube of their similarity.
    return replace(fused, neighbourhood=Neighbourhood(weight ** np.float32(1 / POWER), end, graph))


def surroundings_of_graph(
    fused: View, views: Mapping[str, View], weights: Mapping[str, float], seeding: Seeding
) -> GraphSurroundings:
    """Keep of the modalities' views what predicting needs, with the distributions of the fused graph."""
    parts = []
    for view in views.values():
        rows = places_in(fused, view)
        distribution = np.full((len(rows), view.n_way), 1 / view.n_way, dtype=np.float32)
        distribution[rows >= 0] = seeding.distribution[rows[rows >= 0]]
        parts.append(Surroundings(view.fusion, view.base, distribution, view.device))
    shares = np.maximum([weights[name] for name in views], 1e-3)
    return GraphSurroundings(fused.fusion, tuple(parts), tuple(map(float, shares / shares.sum())))
