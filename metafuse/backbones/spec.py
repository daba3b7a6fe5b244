"""A backbone as plain values, so that it can be saved and built again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from metafuse.backbones import BACKBONES
from metafuse.errors import ArtifactError


@dataclass(frozen=True)
class TrainedBackbone:
    """A backbone with its weights.

    Args:
        name: In the registry of backbones.
        options: Its arguments.
        weights: Its parameters and buffers.
    """

    name: str
    options: Mapping[str, Any]
    weights: Mapping[str, np.ndarray]

    def build(self) -> torch.nn.Module:
        """Build it, in `eval` mode.

        Raises:
            ArtifactError: the weights are those of another architecture.
        """
        backbone: torch.nn.Module = BACKBONES.build(self.name, **self.options)
        try:
            backbone.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in self.weights.items()})
        except RuntimeError as err:
            raise ArtifactError(f"the weights do not fit the backbone '{self.name}': {err}. Train it again.") from err
        return backbone.eval()
