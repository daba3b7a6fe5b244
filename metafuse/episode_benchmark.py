"""`bench`: learners over episodes of a task, each beside nearest prototype on frozen features."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from metafuse.base_checkpoint import Base, open_base
from metafuse.embedder import OnProgress
from metafuse.encoders.models import torch_device
from metafuse.episode_evaluation import evaluate_episodes
from metafuse.episodes.base import EpisodePool
from metafuse.episodes.batch import map_items
from metafuse.episodes.sampler import EpisodeSampler
from metafuse.errors import ConfigError
from metafuse.evaluation import mean_interval
from metafuse.features import open_cache
from metafuse.learners.episodic import EpisodicLearner, as_module
from metafuse.learners.episodic_spec import LearnerSpec
from metafuse.meta_training.arguments import read_sizes
from metafuse.meta_training.checkpoint import load_checkpoint
from metafuse.meta_training.sources import COLUMNS, read_training_source

N_TASKS = 8
BASELINE = LearnerSpec("prototypical", COLUMNS, {"distance": "cosine", "scale": 10.0}, {"dims": {}})


@dataclass(frozen=True)
class _Contender:
    """A learner to measure; `base` and `sources` are those of the checkpoint it comes from."""

    name: str
    spec: LearnerSpec
    weights: Mapping[str, np.ndarray] = field(default_factory=dict)
    base: Base | None = None
    sources: tuple[str, ...] = ()


def bench(
    sources: Sequence[object],
    learners: Sequence[str],
    bases: Sequence[Path] = (),
    *,
    n_way: int | None = None,
    k_shot: int | None = None,
    n_query: int | None = None,
    n_episodes: int = 600,
    seed: int = 0,
    device: str = "auto",
    cache_dir: Path | str | None = None,
    on_progress: OnProgress | None = None,
) -> pd.DataFrame:
    """Measure learners over the same episodes, inductively.

    Args:
        sources: What `adapt` takes as a source, each measured on its meta_test classes; on all classes where its task
            file keeps none.
        learners: Names of episodic learners, measured as they start, on frozen features.
        bases: Checkpoints, each measured with the learner it holds.
        n_way: Classes of an episode; those of the task file when None.
        k_shot: Support items per class.
        n_query: Query items per class.
        n_episodes: Per source.
        seed: Of the episodes.
        device: "auto", "cpu" or "cuda".
        cache_dir: Folder of the feature cache; the user's cache folder when None.
        on_progress: Told a stage, how much of it is done, and the whole.
    Returns:
        Per source and learner: accuracy in %, half the width of its 95 % interval over the episodes, and the same of
        its difference to nearest prototype on frozen features over the same episodes. `classes` says which classes
        the episodes hold: "meta_test", "all", or "all, seen in training" where the checkpoint was trained on a source
        of that name.
    Raises:
        EpisodeError: a source has too few classes or rows.
        ConfigError: an unknown learner, a checkpoint on raw images, or one that knows no modality of a source.
        ArtifactError: a checkpoint was trained on the features of another encoder than a source's.
    """
    device = torch_device(device)
    plain = _Contender("nearest prototype, frozen", BASELINE)
    fresh = [_Contender(name, LearnerSpec(name, COLUMNS, backbone_options={"dims": {}})) for name in learners]
    contenders = [plain, *fresh, *map(_open_contender, bases)]
    rows = []
    for source in sources:
        read = read_training_source(source, COLUMNS, {}, open_cache(cache_dir), device=device, on_progress=on_progress)
        for contender in contenders:
            if contender.base is not None:
                contender.base.check_encoders(read.encoders)
        pool = read.pools["meta_test"] if len(read.pools["meta_test"].classes) else read.pools["all"]
        sizes = read_sizes(source, n_way=n_way, k_shot=k_shot, n_query=n_query)
        sampler = EpisodeSampler([pool], sizes, n_tasks=N_TASKS, seed=seed)
        items = map_items(read.items, lambda tensor: tensor.to(device))
        baseline = None
        for contender in contenders:
            learner: EpisodicLearner = contender.spec.build(contender.weights or None)
            as_module(learner).to(device)
            found = evaluate_episodes(learner, (items,), sampler, n_episodes).per_episode
            baseline = found if baseline is None else baseline
            (mean, half), (gain, gain_half) = mean_interval(found), mean_interval(found - baseline)
            rows.append(
                {
                    "task": pool.name, "learner": contender.name, "accuracy": round(100 * mean, 2),
                    "±": round(100 * half, 2), "gain": round(100 * gain, 2), "gain ±": round(100 * gain_half, 2),
                    "episodes": len(found), "n_way": sizes.n_way, "k_shot": sizes.k_shot, "protocol": "inductive",
                    "classes": _classes_measured(pool, contender),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def _open_contender(path: Path) -> _Contender:
    checkpoint = load_checkpoint(path)
    if checkpoint.spec.backbone != COLUMNS:
        raise ConfigError(f"checkpoint '{path}' takes raw images; bench measures learners on frozen features.")
    name = f"{checkpoint.spec.learner} ({path.name})"
    return _Contender(name, checkpoint.spec, checkpoint.weights, open_base(path), checkpoint.sources)


def _classes_measured(pool: EpisodePool, contender: _Contender) -> str:
    is_seen = pool.split == "all" and pool.name in contender.sources
    return "all, seen in training" if is_seen else str(pool.split)
