"""MAML on Omniglot, 5-way 1-shot: `python benchmarks/omniglot_maml.py --data DIR --start FOLDER --out FOLDER`.

Split, rotations and Conv-4 with 64 channels as in `omniglot.py mixed`, whose checkpoint MAML starts from: its 60,000
iterations from nothing are days on a CPU. One inner step of 0.4 from a head of zeros, second order. Transductive:
batch normalisation takes its statistics from the query set, as in the paper (Finn, Abbeel, Levine 2017). `before MAML`
is the same learner with the weights it starts from. Another 800 steps at half the rate gained nothing on validation.
"""

import argparse
import math
from pathlib import Path

import numpy as np
import torch
from omniglot_drawings import mix, read_drawings
from omniglot_training import Recipe, train
from records import RESULTS, append_record

from metafuse.episode_evaluation import evaluate_episodes
from metafuse.episodes.sampler import EpisodeSampler
from metafuse.learners.episodic_spec import LearnerSpec
from metafuse.meta_training.checkpoint import load_checkpoint
from metafuse.meta_training.images import AffineAugment
from metafuse.meta_training.settings import MetaTrainingSettings
from metafuse.task import EpisodeSizes

SIZES = EpisodeSizes(n_way=5, k_shot=1, n_query=5)
SPEC = LearnerSpec(
    "maml", "conv4", {"inner_steps": 1, "inner_lr": 0.4, "head": "zero"}, {"statistics": "batch"}
)  # fmt: skip
SETTINGS = MetaTrainingSettings(
    outer_steps=1400, outer_lr=1e-3, n_tasks=8, eval_every=100, n_val_episodes=800, patience=0
)  # fmt: skip
AUGMENT = AffineAugment(degrees=math.degrees(0.17), scale=0.15, shear=0.17, shift=0.05)
N_EPISODES, N_BLOCKS = 2000, 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--start", type=Path, required=True, help="checkpoint that omniglot.py mixed wrote")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--results", type=Path, default=RESULTS / "meta_learning.jsonl")
    args = parser.parse_args()
    source = mix([read_drawings(f"omniglot_{part}", 28, args.data) for part in ("background", "evaluation")])
    own = SPEC.build().state_dict()
    start = {name: array for name, array in load_checkpoint(args.start).weights.items() if name in own}
    start = {name: tensor.numpy() for name, tensor in own.items()} | start
    done = train(Recipe(SPEC, SIZES, SIZES, SETTINGS, AUGMENT), source, args.out, start)
    sampler = EpisodeSampler([source.pools["meta_test"]], SIZES, n_tasks=20, seed=1)
    pixels = torch.nn.functional.interpolate(source.items.float() / 255, 14, mode="area").flatten(1)
    plain = LearnerSpec("prototypical", "columns", {"distance": "cosine"}, {"dims": {}}).build()
    found = {
        "measured": evaluate_episodes(SPEC.build(done.best), (source.items,), sampler, N_EPISODES, inductive=False),
        "before MAML": evaluate_episodes(SPEC.build(start), (source.items,), sampler, N_EPISODES, inductive=False),
        "nearest prototype of pixels": evaluate_episodes(plain, ({"pixels": pixels},), sampler, N_EPISODES),
    }
    blocks = {name: np.array_split(each.per_episode, N_BLOCKS) for name, each in found.items()}
    draws = [{name: float(parts[place].mean()) for name, parts in blocks.items()} for place in range(N_BLOCKS)]
    setting = {"what": "Omniglot, 5-way 1-shot, MAML", "protocol": "transductive (normalisation sees the query set)"}
    command = "python benchmarks/omniglot_maml.py --data DIR --start FOLDER --out FOLDER"
    record = append_record(args.results, setting, draws, command=command)
    print({name: (each["mean"], each["half_width"]) for name, each in record["metrics"].items()})


if __name__ == "__main__":
    main()
