"""`bench`: learners over episodes of a task, each beside nearest prototype on frozen features."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from metafuse.embedder import OnProgress
from metafuse.encoders.models import torch_device
from metafuse.episode_evaluation import evaluate_episodes
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
        its difference to nearest prototype on frozen features over the same episodes.
    Raises:
        EpisodeError: a source has too few classes or rows.
        ConfigError: an unknown learner, or a checkpoint on raw images.
    """
    rows = []
    contenders: list[tuple[str, LearnerSpec, dict]] = [
        (name, LearnerSpec(name, COLUMNS, backbone_options={"dims": {}}), {}) for name in learners
    ]
    device = torch_device(device)
    for base in bases:
        checkpoint = load_checkpoint(base)
        if checkpoint.spec.backbone != COLUMNS:
            raise ConfigError(f"checkpoint '{base}' takes raw images; bench measures learners on frozen features.")
        contenders.append((f"{checkpoint.spec.learner} ({base.name})", checkpoint.spec, dict(checkpoint.weights)))
    for source in sources:
        read = read_training_source(source, COLUMNS, {}, open_cache(cache_dir), device=device, on_progress=on_progress)
        pool = read.pools["meta_test"] if len(read.pools["meta_test"].classes) else read.pools["all"]
        sizes = read_sizes(source, n_way=n_way, k_shot=k_shot, n_query=n_query)
        sampler = EpisodeSampler([pool], sizes, n_tasks=N_TASKS, seed=seed)
        items = map_items(read.items, lambda tensor: tensor.to(device))
        plain = None
        for name, spec, weights in [("nearest prototype, frozen", BASELINE, {}), *contenders]:
            learner: EpisodicLearner = spec.build(weights or None)
            as_module(learner).to(device)
            found = evaluate_episodes(learner, (items,), sampler, n_episodes).per_episode
            plain = found if plain is None else plain
            (mean, half), (gain, gain_half) = mean_interval(found), mean_interval(found - plain)
            rows.append(
                {
                    "task": pool.name, "learner": name, "accuracy": round(100 * mean, 2), "±": round(100 * half, 2),
                    "gain": round(100 * gain, 2), "gain ±": round(100 * gain_half, 2), "episodes": len(found),
                    "n_way": sizes.n_way, "k_shot": sizes.k_shot, "protocol": "inductive",
                }
            )  # fmt: skip
    return pd.DataFrame(rows)
