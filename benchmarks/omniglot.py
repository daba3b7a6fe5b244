"""Omniglot, trained and measured: `python benchmarks/omniglot.py mixed|within_alphabet --data DIR --out FOLDER`.

DIR holds a folder `omniglot` with the two packed image sets and the 20 original runs, `all_runs.zip`. `mixed`: 1,200
characters for training (100 of them for validation) and 423 for test, rotations as classes of their own, Conv-4 with
64 channels. `within_alphabet`: trained on the background alphabets only, a tenth of them held out for validation; then
the 20 runs, each test image on its own. FOLDER keeps the checkpoint; the same command resumes from it.
"""

import argparse
import math
from pathlib import Path

import numpy as np
import torch
from omniglot_drawings import N_RUNS, VIEWS, change_view, hold_out, mix, read_drawings, read_runs
from omniglot_training import Recipe, train
from records import RESULTS, append_record
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from metafuse.episode_evaluation import evaluate_episodes
from metafuse.episodes.base import EpisodePool
from metafuse.episodes.batch import Support
from metafuse.episodes.sampler import EpisodeSampler
from metafuse.learners.episodic_spec import LearnerSpec
from metafuse.learners.metric.prototypical_network import PrototypicalNetworkLearner
from metafuse.meta_training.images import AffineAugment
from metafuse.meta_training.settings import MetaTrainingSettings
from metafuse.meta_training.sources import TrainingSource
from metafuse.task import EpisodeSizes

N_EPISODES, N_BLOCKS = 1000, 20
"""Accuracies are written as means over blocks of episodes, so that the files stay small."""

MIXED = Recipe(
    LearnerSpec("prototypical", "conv4", {"turns": True}, {}),
    EpisodeSizes(n_way=60, k_shot=5, n_query=5),
    EpisodeSizes(n_way=20, k_shot=1, n_query=5),
    MetaTrainingSettings(
        outer_steps=3500, outer_lr=2e-3, n_tasks=1, eval_every=250, n_val_episodes=200, patience=0,
        precision="bfloat16",
    ),
    AffineAugment(degrees=math.degrees(0.17), scale=0.15, shear=0.17, shift=0.05),
)  # fmt: skip
WITHIN = Recipe(
    LearnerSpec(
        "prototypical", "resnet9", {"distance": "cosine", "scale": 10.0, "learn_scale": True, "turns": True},
        {"seed": 0},
    ),
    EpisodeSizes(n_way=20, k_shot=1, n_query=4, within_group=True),
    EpisodeSizes(n_way=20, k_shot=1, n_query=5, within_group=True),
    MetaTrainingSettings(
        outer_steps=6000, outer_lr=2e-3, optimiser="adamw", weight_decay=1e-4, warm_up=50, n_tasks=1, eval_every=250,
        n_val_episodes=100, patience=0, precision="bfloat16",
    ),
    AffineAugment(degrees=math.degrees(0.3), scale=0.2, shear=0.3, shift=0.05),
)  # fmt: skip


@torch.inference_mode()
def embed(backbone: nn.Module, drawings: Tensor, n_views: int) -> Tensor:
    """Embed the first views of each drawing; of several the mean, each of length 1."""
    chunks = []
    for chunk in drawings.split(500):
        views = torch.stack([backbone(change_view(chunk, view)) for view in VIEWS[:n_views]])
        chunks.append(views[0] if n_views == 1 else nn.functional.normalize(views, dim=2).mean(0))
    return torch.cat(chunks)


def measure_mixed(backbone: nn.Module, source: TrainingSource, results: Path, command: str) -> None:
    """Accuracy over episodes of the test characters, beside nearest prototype of pixels on the same episodes."""
    pool = source.pools["meta_test"]
    rows = np.flatnonzero(pool.class_id >= 0)
    pool, drawings = EpisodePool(pool.name, pool.classes, pool.class_id[rows]), source.items[torch.from_numpy(rows)]
    contenders = {
        "measured": embed(backbone, drawings, 1),
        "nearest prototype of pixels": drawings.float().flatten(1) / 255,
    }
    learner = PrototypicalNetworkLearner(nn.Identity())
    for n_way, k_shot in ((5, 1), (5, 5), (20, 1), (20, 5)):
        sampler = EpisodeSampler([pool], EpisodeSizes(n_way=n_way, k_shot=k_shot, n_query=15), n_tasks=10, seed=1)
        found = {
            name: evaluate_episodes(learner, (items,), sampler, N_EPISODES).per_episode.reshape(N_BLOCKS, -1).mean(1)
            for name, items in contenders.items()
        }
        write(f"Omniglot, {n_way}-way {k_shot}-shot, prototypical", "inductive", found, results, command)


def measure_runs(backbone: nn.Module, data: Path, results: Path, command: str) -> None:
    """Accuracy on the 20 runs, beside nearest prototype of pixels."""
    support, query, answers = read_runs(data, 56)
    n_way = support.shape[1]
    learner = PrototypicalNetworkLearner(nn.Identity(), distance="cosine")
    class_index = torch.arange(n_way).expand(N_RUNS, n_way)

    def compare(items: Tensor) -> Tensor:
        known, asked = items.unflatten(0, (2, N_RUNS, n_way))
        state = learner.adapt(Support(known, class_index, torch.ones(N_RUNS, n_way), n_way))
        return learner.logits(state, asked).detach()

    drawings = torch.cat([support.flatten(0, 1), query.flatten(0, 1)])
    logits = {
        "measured": compare(embed(backbone, drawings, len(VIEWS))),
        "one view": compare(embed(backbone, drawings, 1)),
        "nearest prototype of pixels": compare(drawings.float().flatten(1) / 255),
    }
    matched = {name: torch.tensor([match(run) for run in each.numpy()]) for name, each in logits.items()}
    what = "Omniglot within alphabet, 20-way 1-shot, the 20 original runs"
    for protocol, answered in (
        ("inductive, mean of 9 views", {name: each.argmax(2) for name, each in logits.items()}),
        ("transductive (test images of a run matched one to one), mean of 9 views", matched),
    ):
        found = {name: (each == answers).float().mean(1).numpy() for name, each in answered.items()}
        write(what, protocol, found, results, command)


def match(logits: np.ndarray) -> list[int]:
    """Give each test image a class of its own, best in sum."""
    return linear_sum_assignment(logits, maximize=True)[1].tolist()


def write(what: str, protocol: str, found: dict[str, np.ndarray], results: Path, command: str) -> None:
    blocks = zip(*found.values(), strict=True)
    draws = [{name: round(float(x), 4) for name, x in zip(found, block, strict=True)} for block in blocks]
    record = append_record(results, {"what": what, "protocol": protocol}, draws, command=command)
    print(what, protocol, {name: (each["mean"], each["half_width"]) for name, each in record["metrics"].items()})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("mixed", "within_alphabet"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--results", type=Path, default=RESULTS / "meta_learning.jsonl")
    args = parser.parse_args()
    command = f"python benchmarks/omniglot.py {args.what} --data DIR --out FOLDER"
    if args.what == "mixed":
        source = mix([read_drawings(f"omniglot_{part}", 28, args.data) for part in ("background", "evaluation")])
        trained = MIXED.spec.build(train(MIXED, source, args.out).best)
        measure_mixed(trained.backbone.eval(), source, args.results, command)
    else:
        source = hold_out(read_drawings("omniglot_background", 56, args.data))
        trained = WITHIN.spec.build(train(WITHIN, source, args.out).best)
        measure_runs(trained.backbone.eval(), args.data, args.results, command)


if __name__ == "__main__":
    main()
