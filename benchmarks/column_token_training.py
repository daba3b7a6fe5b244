"""Meta-trains the `column_tokens` backbone on catalogues."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from public_sets import Catalogue

from metafuse.base_checkpoint import Base, open_base
from metafuse.features import open_cache
from metafuse.learners.episodic_spec import LearnerSpec
from metafuse.meta_training.checkpoint import Checkpoint, save_checkpoint
from metafuse.meta_training.loop import meta_train_sources
from metafuse.meta_training.schemas import vary_schema
from metafuse.meta_training.settings import MetaTrainingSettings
from metafuse.meta_training.sources import (
    COLUMN_TOKENS,
    TrainingSource,
    modality_dims,
    modality_names,
    read_training_source,
)
from metafuse.meta_training.tasks import N_SCHEMAS
from metafuse.task import EpisodeSizes

HEAD = {"distance": "cosine", "scale": 15.0, "learn_scale": True}
SIZES = EpisodeSizes(n_way=20, k_shot=1, n_query=8, variable_way=True)
SETTINGS = MetaTrainingSettings(
    outer_steps=200, outer_lr=3e-3, optimiser="adamw", weight_decay=0.01, warm_up=20, n_tasks=4, pull=5.0,
    eval_every=200, n_val_episodes=100, patience=0,
)  # fmt: skip


def read_source(name: str, catalogue: Catalogue, cache_dir: Path | None) -> TrainingSource:
    """All rows and classes of a catalogue, ready for episodes that hold one row of a group at most."""
    rows = catalogue.rows.assign(label=catalogue.labels)
    source = read_training_source(rows, COLUMN_TOKENS, {}, open_cache(cache_dir), device="cpu")
    groups = pd.factorize(catalogue.groups)[0].astype(np.int64)
    pools = {split: replace(pool, name=name, duplicate_id=groups) for split, pool in source.pools.items()}
    return replace(source, pools=pools | {"meta_train": pools["all"]})


def train(sources: Mapping[str, TrainingSource], seed: int, out: Path) -> Base:
    """Meta-train on catalogues, and write and open the checkpoint."""
    read = list(sources.values())
    spec = LearnerSpec(
        "prototypical", COLUMN_TOKENS, HEAD,
        {"dims": modality_dims(read), "modalities": modality_names(read), "seed": seed},
    )  # fmt: skip
    varied = [each for source in read for each in vary_schema(source, N_SCHEMAS, seed)]
    done = meta_train_sources(spec, varied, SIZES, replace(SETTINGS, seed=seed))
    encoders = {modality: each for source in read for modality, each in source.encoders.items()}
    settings = replace(SETTINGS, seed=seed)
    checkpoint = Checkpoint(spec, done.weights, encoders, tuple(sources), SIZES.model_dump(), settings, done.history)
    save_checkpoint(out, checkpoint, done)
    return open_base(out)
