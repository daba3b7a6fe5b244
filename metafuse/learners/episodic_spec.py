"""An episodic learner as plain values: the names and options that rebuild it, its weights apart."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from metafuse.backbones import BACKBONES
from metafuse.errors import ArtifactError
from metafuse.learners import EPISODIC
from metafuse.learners.episodic import EpisodicLearner, as_module


@dataclass(frozen=True)
class LearnerSpec:
    """What a learner is built from.

    Args:
        learner: Name in the registry of episodic learners.
        backbone: Name in the registry of backbones.
        learner_options: Arguments of the learner.
        backbone_options: Arguments of the backbone.
    """

    learner: str
    backbone: str
    learner_options: Mapping[str, Any] = field(default_factory=dict)
    backbone_options: Mapping[str, Any] = field(default_factory=dict)

    def build(self, weights: Mapping[str, np.ndarray] | None = None) -> EpisodicLearner:
        """Build the learner, with these weights or as it starts.

        Raises:
            ConfigError: a name or an option is not known.
            ArtifactError: the weights are those of another architecture.
        """
        backbone = BACKBONES.build(self.backbone, **self.backbone_options)
        learner: EpisodicLearner = EPISODIC.build(self.learner, backbone, **self.learner_options)
        if weights is not None:
            load_weights(learner, weights, self)
        return learner


def load_weights(learner: EpisodicLearner, weights: Mapping[str, np.ndarray], spec: LearnerSpec) -> None:
    """Put saved weights into a learner.

    Raises:
        ArtifactError: they are those of another architecture; the message names the first that does not fit.
    """
    import torch

    module = as_module(learner)
    own = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    found = {name: np.shape(array) for name, array in weights.items()}
    odd = sorted(name for name in own.keys() | found.keys() if own.get(name) != found.get(name))
    if odd:
        raise ArtifactError(
            f"learner '{spec.learner}' on backbone '{spec.backbone}': expected weight '{odd[0]}' of shape "
            f"{own.get(odd[0], 'none')}, got {found.get(odd[0], 'none')}. The checkpoint is of another architecture; "
            "use the learner and options it was trained with."
        )
    module.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in weights.items()})


def take_weights(learner: EpisodicLearner) -> dict[str, np.ndarray]:
    """Copy a learner's parameters and buffers."""
    return {name: tensor.detach().cpu().numpy().copy() for name, tensor in as_module(learner).state_dict().items()}
