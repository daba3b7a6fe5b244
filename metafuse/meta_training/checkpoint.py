"""The checkpoint folder: a meta-trained learner with its backbone, written whole or not at all.

manifest.json            versions, sources, sha256 of every other file
checkpoint.json          what rebuilds the learner, what its features were made by, how it fared
checkpoint.safetensors   weights of the best validation
backbone.json            the backbone alone, which encodes raw images for `adapt`
backbone.safetensors     its weights
training.json            where training stands, to resume it
training.safetensors     weights and optimiser as they are now
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from metafuse.artifact import load_value, open_folder, restore_save, save_folder, save_value, versions
from metafuse.backbones.spec import TrainedBackbone
from metafuse.errors import ArtifactError, ConfigError
from metafuse.learners.episodic import EpisodicLearner
from metafuse.learners.episodic_spec import LearnerSpec
from metafuse.meta_training.settings import MetaTrainingSettings
from metafuse.meta_training.state import Progress, Validation

MARKER = "checkpoint.json"
"""Tells a checkpoint's folder from other saves."""

ABSENT = "not there"


@dataclass(frozen=True)
class Checkpoint:
    """A meta-trained learner as saved.

    Args:
        spec: Rebuilds the learner.
        weights: Of the best validation.
        encoders: Modality -> fingerprint of the encoder its features were made by; empty for a backbone that takes
            raw images or series.
        sources: Names of the sources it was trained on.
        sizes: Sizes of the training episodes, as in a task file.
        settings: Of the outer loop.
        history: Its validations.
        content: Source -> fingerprint of its rows, columns and classes.
    """

    spec: LearnerSpec
    weights: Mapping[str, np.ndarray]
    encoders: Mapping[str, str]
    sources: tuple[str, ...]
    sizes: Mapping[str, Any]
    settings: MetaTrainingSettings
    history: tuple[Validation, ...]
    content: Mapping[str, str] = field(default_factory=dict)

    def backbone(self) -> TrainedBackbone:
        """Return the trained backbone alone."""
        # A learner may hold its backbone in a part of it, as Reptile does.
        state = self.build().backbone.state_dict()
        own = {name: tensor.numpy() for name, tensor in state.items()}
        return TrainedBackbone(self.spec.backbone, self.spec.backbone_options, own)

    def build(self) -> EpisodicLearner:
        """Build the trained learner."""
        return self.spec.build(self.weights)


def save_checkpoint(path: Path, checkpoint: Checkpoint, progress: Progress) -> None:
    """Write a checkpoint and where its training stands; an earlier one stays whole until this one is.

    Raises:
        ArtifactError: something else stands there, or the disk refuses.
    """

    def write(folder: Path) -> None:
        save_value(checkpoint, folder, "checkpoint")
        save_value(checkpoint.backbone(), folder, "backbone")
        save_value(progress, folder, "training")

    save_folder(path, write, {"sources": list(checkpoint.sources), "versions": versions()}, marker=MARKER)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        ArtifactError: there is none, or a file was changed, lost or written by another version.
    """
    nothing = f"'{path}' holds no checkpoint. Expected a folder that meta-train wrote."
    restore_save(path)
    if not (path / MARKER).is_file():
        raise ArtifactError(nothing)
    open_folder(path)
    checkpoint = load_value(path, "checkpoint")
    if not isinstance(checkpoint, Checkpoint):
        raise ArtifactError(nothing)
    return checkpoint


def load_progress(path: Path, asked: Checkpoint) -> Progress:
    """Read where a training stands, to resume it.

    Args:
        path: The checkpoint's folder.
        asked: What is to be trained; its weights and history do not matter.
    Raises:
        ConfigError: the checkpoint is of another training, or a source has changed; the message names what differs.
        ArtifactError: there is none, or it was changed.
    """
    saved = load_checkpoint(path)
    differs = _first_difference(_training_of(saved), _training_of(asked))
    if differs is not None:
        name, old, new = differs
        raise ConfigError(
            f"'{path}' cannot be resumed: its {name} was {old}, asked for now: {new}. "
            "Give the same arguments as before, or another --out."
        )
    changed = [name for name, content in saved.content.items() if asked.content.get(name) != content]
    if changed:
        raise ConfigError(
            f"'{path}' cannot be resumed: source '{changed[0]}' is not what it was trained on so far, its rows, "
            "columns or classes have changed. Bring it back to what it was, or train on it anew under another --out."
        )
    progress = load_value(path, "training")
    assert isinstance(progress, Progress)
    return progress


def _training_of(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "spec": asdict(checkpoint.spec),
        "encoders": checkpoint.encoders,
        "sources": checkpoint.sources,
        "sizes": checkpoint.sizes,
        "settings": asdict(checkpoint.settings),
    }


def _first_difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, object, object] | None:
    """Find the first entry that differs, as deep as mappings go: its dotted name and both values."""
    for name in dict.fromkeys([*old, *new]):
        before, now = old.get(name, ABSENT), new.get(name, ABSENT)
        if isinstance(before, Mapping) and isinstance(now, Mapping):
            inner = _first_difference(before, now)
            if inner is not None:
                return f"{name}.{inner[0]}", inner[1], inner[2]
        elif before != now:
            return name, before, now
    return None
