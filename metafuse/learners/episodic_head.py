"""An episodic learner as one head of a mixture: adapted to the labels of a view, saved as arrays.

The view's rows are the concatenated columns of an early fusion; the learner brings its own backbone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from metafuse.fusion.mapped import Layout, split_columns
from metafuse.learners.episodic_spec import LearnerSpec
from metafuse.learners.seeding import Seeding
from metafuse.learners.view import View

if TYPE_CHECKING:
    from torch import Tensor

CHUNK = 2048
"""Rows scored at once: an optimization learner keeps the activations of all of them."""


@dataclass(frozen=True)
class EpisodicHead:
    """A learner adapted to one support set.

    Args:
        spec: Rebuilds the learner.
        weights: Its parameters and buffers.
        layout: Of the rows it scores.
        state: What it kept of the support set.
    """

    spec: LearnerSpec
    weights: Mapping[str, np.ndarray]
    layout: Layout
    state: Mapping[str, np.ndarray]

    def logits(self, x: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, "n n_way"]:
        """Score each row against each class."""
        import torch

        learner = self.spec.build(self.weights)
        state = {name: torch.from_numpy(np.array(array)) for name, array in self.state.items()}
        n_way = self.state["class_mask"].shape[1]
        logits = np.zeros((len(x), n_way), dtype=np.float32)
        with torch.no_grad():
            for start in range(0, len(x), CHUNK):
                items = _one_task(x[start : start + CHUNK], self.layout)
                logits[start : start + CHUNK] = learner.logits(state, items)[0].numpy()
        return logits


@dataclass(frozen=True)
class FitEpisodicHead:
    """Adapts an episodic learner to the labels of a view outside a fold, and to the class names.

    Args:
        spec: Rebuilds the learner.
        weights: Its parameters and buffers.
        layout: Of the view's rows.
    """

    spec: LearnerSpec
    weights: Mapping[str, np.ndarray]
    layout: Layout

    def __call__(self, view: View, seeding: Seeding) -> EpisodicHead:
        """Adapt; called once per fold and once for all labels."""
        import torch

        from metafuse.episodes.batch import Support

        x, targets, weight = view.labelled(seeding.held_out)
        support = Support(
            _one_task(x, self.layout),
            torch.from_numpy(targets.argmax(axis=1)).unsqueeze(0),
            torch.from_numpy(weight).unsqueeze(0),
            view.n_way,
        )
        with torch.no_grad():
            state = self.spec.build(self.weights).adapt(support)
        return EpisodicHead(
            self.spec, self.weights, self.layout, {name: tensor.numpy() for name, tensor in state.items()}
        )


def _one_task(x: Float[np.ndarray, "n dim"], layout: Layout) -> "dict[str, Tensor]":
    import torch

    return {
        name: torch.from_numpy(np.ascontiguousarray(column)).unsqueeze(0)
        for name, column in split_columns(x, layout).items()
    }
