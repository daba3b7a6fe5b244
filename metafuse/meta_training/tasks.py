"""`meta-train`: from the names of tasks to a checkpoint, in the order data flows."""

import inspect
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from metafuse.artifact import check_target, restore_save
from metafuse.backbones.column_tokens import ABOUT
from metafuse.embedder import OnProgress
from metafuse.encoders.models import torch_device
from metafuse.errors import ConfigError
from metafuse.features import open_cache
from metafuse.learners import EPISODIC
from metafuse.learners.episodic_spec import LearnerSpec
from metafuse.meta_training.arguments import read_sizes
from metafuse.meta_training.checkpoint import MARKER, Checkpoint, load_progress, save_checkpoint
from metafuse.meta_training.log import open_log
from metafuse.meta_training.loop import meta_train_sources
from metafuse.meta_training.schemas import vary_schema
from metafuse.meta_training.settings import MetaTrainingSettings
from metafuse.meta_training.sources import (
    COLUMN_TOKENS,
    COLUMNS,
    ON_FEATURES,
    TrainingSource,
    image_options,
    modality_dims,
    modality_names,
    read_training_source,
)
from metafuse.meta_training.state import Progress
from metafuse.task import EpisodeSizes

log = logging.getLogger(__name__)

FEWEST_CLASSES = 2
N_SCHEMAS = 7
"""Made out of each source for the `column_tokens` backbone, beside its own."""


def meta_train(
    sources: Sequence[object],
    learner: str,
    out: Path | str,
    *,
    backbone: str = COLUMNS,
    learner_options: Mapping[str, Any] | None = None,
    backbone_options: Mapping[str, Any] | None = None,
    sizes: EpisodeSizes | None = None,
    settings: MetaTrainingSettings | None = None,
    resume: bool = False,
    log_folder: Path | None = None,
    cache_dir: Path | str | None = None,
    on_progress: OnProgress | None = None,
) -> Checkpoint:
    """Train a learner and its backbone over episodes of many sources, and write a checkpoint.

    Args:
        sources: What `adapt` takes as a source; each needs a label column. Class splits come from the task files.
        learner: Name in the registry of episodic learners.
        out: Folder of the checkpoint; written after every validation, whole or not at all.
        backbone: "columns" or "column_tokens" on the frozen features of every column, or a network on raw images
            ("conv4", "resnet12").
        learner_options: Arguments of the learner.
        backbone_options: Arguments of the backbone.
        sizes: Of the episodes; those of the first source's task file when None.
        settings: Of the outer loop.
        resume: Go on from the checkpoint at `out`, bit for bit as if it had not stopped.
        log_folder: Folder for a log that TensorBoard reads; none when None.
        cache_dir: Folder of the feature cache; the user's cache folder when None.
        on_progress: Told a stage, how much of it is done, and the whole.
    Raises:
        ConfigError: a name or option is not known, or the checkpoint at `out` is of another training.
        SourceError: a source cannot be read.
        EpisodeError: a source has too few classes or rows, or its class splits overlap.
        AdaptationError: the loss is no number; the last checkpoint written is good.
        ArtifactError: something else stands at `out`, or it was changed.
        MissingExtraError: a log was asked for and TensorBoard is not installed.
    """
    settings = settings or MetaTrainingSettings()
    settings = replace(settings, device=torch_device(settings.device))
    out = Path(out)
    if not sources:
        raise ConfigError("expected at least one source to train on, got none. Name a task, a file or a folder.")
    EPISODIC.get(learner)
    _check_out(out, resume)
    given, on_features = dict(backbone_options or {}), backbone in ON_FEATURES
    options = given if on_features else image_options(backbone, given)
    read = [
        read_training_source(
            source, backbone, options, open_cache(cache_dir), device=settings.device, on_progress=on_progress
        )
        for source in sources
    ]
    own = dict(learner_options or {})
    if on_features:
        own = _embedding_dim(learner, read) | own
        modalities = {"modalities": modality_names(read)} if backbone == COLUMN_TOKENS else {}
        options = {"dims": modality_dims(read)} | modalities | options
    asked = Checkpoint(
        spec=LearnerSpec(learner, backbone, own, options),
        weights={},
        encoders=_encoders(read),
        sources=tuple(source.pools["meta_train"].name for source in read),
        sizes=(sizes or read_sizes(sources[0])).model_dump(),
        settings=settings,
        history=(),
        content={source.pools["meta_train"].name: source.content for source in read},
    )
    if backbone == COLUMN_TOKENS:
        read = [varied for source in read for varied in vary_schema(source, N_SCHEMAS, settings.seed)]
    progress = load_progress(out, asked) if resume else None
    train_sizes = EpisodeSizes(**asked.sizes)
    with open_log(log_folder) as write_log:

        def on_validation(state: Progress) -> None:
            save_checkpoint(out, replace(asked, weights=state.best, history=state.history), state)
            latest = state.history[-1]
            log.info("%s", latest.in_words())
            write_log(latest)

        def on_step(step: int, loss: float, accuracy: float) -> None:
            if on_progress is not None:
                on_progress("meta-training", step, settings.outer_steps)

        done = meta_train_sources(
            asked.spec, read, train_sizes, settings, val_sizes=_validation_sizes(train_sizes, read),
            resume=progress, on_step=on_step, on_validation=on_validation,
        )  # fmt: skip
    return replace(asked, weights=done.best, history=done.history)


def _check_out(out: Path, resume: bool) -> None:
    restore_save(out)
    there = (out / MARKER).is_file()
    if resume and not there:
        raise ConfigError(f"'{out}' holds no checkpoint to resume. Leave out --resume, or correct --out.")
    if there and not resume:
        raise ConfigError(f"'{out}' holds a checkpoint already. Give --resume to go on with it, or another --out.")
    check_target(out, MARKER)


def _validation_sizes(sizes: EpisodeSizes, sources: Sequence[TrainingSource]) -> EpisodeSizes:
    """Lower n_way to what the smallest meta_val split has, and say so."""
    rows = [np.bincount(pool.class_id[pool.class_id >= 0]) for pool in (source.pools["meta_val"] for source in sources)]
    n_way = min(int(np.count_nonzero(counts > sizes.k_shot)) for counts in rows)
    if n_way >= sizes.n_way or n_way < FEWEST_CLASSES:
        return sizes
    log.info("validation episodes have %d classes instead of %d: meta_val has no more", n_way, sizes.n_way)
    return sizes.model_copy(update={"n_way": n_way})


def _embedding_dim(learner: str, sources: Sequence[TrainingSource]) -> dict[str, int]:
    """Length of the embeddings, for a learner whose networks are as wide.

    Raises:
        ConfigError: it differs between the sources.
    """
    if "dim" not in inspect.signature(EPISODIC.get(learner)).parameters:
        return {}
    dims = {
        source.pools["meta_train"].name: sum(
            items.shape[1] for name, items in source.items.items() if not name.startswith(ABOUT)
        )
        for source in sources
        if isinstance(source.items, Mapping)
    }
    if len(set(dims.values())) > 1:
        raise ConfigError(
            f"learner '{learner}' works in embeddings of one length, the sources have {dims}. "
            "Train it on sources with the same columns."
        )
    return {"dim": next(iter(dims.values()))}


def _encoders(sources: Sequence[TrainingSource]) -> dict[str, str]:
    encoders: dict[str, str] = {}
    for source in sources:
        for modality, fingerprint in source.encoders.items():
            if encoders.setdefault(modality, fingerprint) != fingerprint:
                raise ConfigError(
                    f"modality '{modality}': expected one encoder for all sources, got {encoders[modality]} and "
                    f"{fingerprint}. Name the same model under [adapt] of each task file."
                )
    return encoders
