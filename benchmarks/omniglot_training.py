"""How the Omniglot benchmarks train: a recipe, and a checkpoint after every validation to go on from."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from metafuse.learners.episodic_spec import LearnerSpec
from metafuse.meta_training.checkpoint import Checkpoint, load_progress, save_checkpoint
from metafuse.meta_training.images import AffineAugment
from metafuse.meta_training.loop import meta_train_sources
from metafuse.meta_training.settings import MetaTrainingSettings
from metafuse.meta_training.sources import TrainingSource
from metafuse.meta_training.state import Progress
from metafuse.task import EpisodeSizes


@dataclass(frozen=True)
class Recipe:
    """A training.

    Args:
        spec: The learner and its backbone.
        sizes: Of training episodes.
        val_sizes: Of validation episodes.
        settings: Of the outer loop.
        augment: Changes training images.
    """

    spec: LearnerSpec
    sizes: EpisodeSizes
    val_sizes: EpisodeSizes
    settings: MetaTrainingSettings
    augment: AffineAugment


def train(recipe: Recipe, source: TrainingSource, out: Path, start: Mapping[str, np.ndarray] | None = None) -> Progress:
    """Train, or go on from the checkpoint at `out`.

    Args:
        recipe: How.
        source: What on.
        out: Folder of the checkpoint.
        start: Weights to start from; the learner's own when None.
    """
    spec, sizes = recipe.spec, recipe.sizes
    asked = Checkpoint(spec, {}, {}, ("omniglot",), sizes.model_dump(), recipe.settings, ())
    progress = load_progress(out, asked) if (out / "checkpoint.json").is_file() else None

    def keep(state: Progress) -> None:
        save_checkpoint(out, replace(asked, weights=state.best, history=state.history), state)
        print(out.name, state.history[-1].in_words(), file=sys.stderr, flush=True)

    return meta_train_sources(
        spec, [source], sizes, recipe.settings, val_sizes=recipe.val_sizes, start=start, augment=recipe.augment,
        resume=progress, on_validation=keep,
    )  # fmt: skip
