"""Episodes per second from cached features, against learn2learn and easyfsl: `python benchmarks/episode_speed.py`.

15,000 rows of 150 classes x 384 dimensions: the embedded training rows of CLINC150 with `--data DIR`, clusters of noise
without. An episode is 5 classes with 5 support and 15 query rows each; its cost is the draw, the gathering of its rows
and the logits of a prototypical network without a backbone, without gradients. Each library by its own functions, in
turns, for a second a turn, on two threads. easyfsl twice: with its data loader and collate function, and with the
sampler's rows taken from the matrix at once, which is no function of its own. The peers come by
`pip install --no-deps easyfsl`, and metafuse's extra learn2learn.
"""

import argparse
import itertools
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import torch
from public_sets import read_intents
from records import RESULTS, append_record
from torch import Tensor, nn

from metafuse.encoders.text import TextEncoder
from metafuse.episodes.base import EpisodePool
from metafuse.episodes.batch import gather
from metafuse.episodes.sampler import EpisodeSampler
from metafuse.features import encode_values, open_cache
from metafuse.learners.metric.prototypical_network import PrototypicalNetworkLearner
from metafuse.learners.optimization.learn2learn import import_learn2learn
from metafuse.task import EpisodeSizes

N_WAY, K_SHOT, N_QUERY = 5, 5, 15
N_CLASSES, DIM = 150, 384
THREADS, TURN_S = 2, 1.0
Results = Iterator[tuple[Tensor, Tensor]]
"""(n_tasks, n_query, n_way) logits and (n_tasks, n_query) class indices of the query items, batch after batch."""


def read_features(data: Path | None, cache_dir: Path | None) -> tuple[Tensor, np.ndarray, str]:
    """Return the features, the classes and the name of the rows."""
    if data is None:
        generator = np.random.default_rng(0)
        class_index = np.repeat(np.arange(N_CLASSES), 100)
        matrix = generator.normal(size=(N_CLASSES, DIM))[class_index] + generator.normal(size=(15_000, DIM)) * 3
        return torch.from_numpy(matrix.astype(np.float32)), class_index, "noise"
    split = read_intents("clinc150", data)
    matrix, _ = encode_values(TextEncoder(), split.pool["text"].tolist(), str, open_cache(cache_dir))
    return torch.from_numpy(matrix), np.unique(split.pool_labels, return_inverse=True)[1], "clinc150"


def run_metafuse(features: Tensor, class_index: np.ndarray, n_tasks: int) -> Results:
    pool = EpisodePool("rows", tuple(map(str, range(N_CLASSES))), class_index)
    sizes = EpisodeSizes(n_way=N_WAY, k_shot=K_SHOT, n_query=N_QUERY)
    sampler = EpisodeSampler([pool], sizes, n_tasks=n_tasks, seed=0)
    learner = PrototypicalNetworkLearner(nn.Identity())

    def score(step: int) -> tuple[Tensor, Tensor]:
        batch = gather(features, sampler.batch(step))
        return learner.logits(learner.adapt(batch.support), batch.query), batch.query_class_index

    yield from map(score, itertools.count())


def run_learn2learn(features: Tensor, class_index: np.ndarray) -> Results:
    l2l = import_learn2learn()
    from learn2learn.data.transforms import ConsecutiveLabels, KShots, LoadData, NWays, RemapLabels

    rows = l2l.data.MetaDataset(torch.utils.data.TensorDataset(features, torch.from_numpy(class_index)))
    transforms = [NWays(rows, N_WAY), KShots(rows, K_SHOT + N_QUERY), LoadData(rows)]
    tasks = l2l.data.Taskset(rows, [*transforms, RemapLabels(rows), ConsecutiveLabels(rows)])
    while True:
        items, labels = tasks.sample()
        (support, support_labels), (query, query_labels) = l2l.data.partition_task(items, labels, shots=K_SHOT)
        yield l2l.nn.PrototypicalClassifier(support, support_labels)(query)[None], query_labels[None]


def run_easyfsl(features: Tensor, class_index: np.ndarray, *, loader: bool) -> Results:
    # easyfsl 1.5 passes a `data_source`, which torch's `Sampler` no longer takes.
    torch.utils.data.Sampler.__init__ = lambda self, data_source=None: None
    # It also imports torchvision, of which nothing is used here.
    absent = ("torchvision", "torchvision.datasets", "torchvision.models.resnet", "torchvision.transforms")
    sys.modules |= {name: MagicMock(ImageFolder=object) for name in (*absent, "torchvision.models")}
    from easyfsl.datasets import FeaturesDataset
    from easyfsl.methods import PrototypicalNetworks
    from easyfsl.samplers import TaskSampler

    rows = FeaturesDataset(class_index.tolist(), features, [str(place) for place in range(N_CLASSES)])
    sampler = TaskSampler(rows, N_WAY, K_SHOT, N_QUERY, n_tasks=sys.maxsize)
    model = PrototypicalNetworks(nn.Identity())
    support_labels, query_labels = (torch.arange(N_WAY).repeat_interleave(n) for n in (K_SHOT, N_QUERY))
    if loader:
        for episode in torch.utils.data.DataLoader(rows, batch_sampler=sampler, collate_fn=sampler.episodic_collate_fn):
            support, support_labels, query, query_labels, _ = episode
            model.process_support_set(support, support_labels)
            yield model(query)[None], query_labels[None]
    for places in sampler:
        items = features[torch.tensor(places)].view(N_WAY, K_SHOT + N_QUERY, DIM)
        model.process_support_set(items[:, :K_SHOT].flatten(0, 1), support_labels)
        yield model(items[:, K_SHOT:].flatten(0, 1))[None], query_labels[None]


@torch.no_grad()
def measure(results: Results) -> tuple[float, float]:
    """Return episodes per second over a turn, and the accuracy of its first ones."""
    kept, n_episodes, start = [next(results)], 0, time.perf_counter()
    while (seconds := time.perf_counter() - start) < TURN_S:
        logits, class_index = next(results)
        n_episodes += len(logits)
        kept += [(logits, class_index)] if len(kept) < 100 else []
    hits = [(logits.argmax(-1) == class_index).float().mean(1) for logits, class_index in kept]
    return n_episodes / seconds, float(torch.cat(hits).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the public sets")
    parser.add_argument("--cache-dir", type=Path, help="feature cache")
    parser.add_argument("--n-tasks", type=int, default=64, help="episodes in a batch of metafuse")
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--results", type=Path, default=RESULTS / "meta_learning.jsonl")
    args = parser.parse_args()
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    random.seed(0)
    features, class_index, name = read_features(args.data, args.cache_dir)
    runs = {
        "metafuse": run_metafuse(features, class_index, args.n_tasks),
        "learn2learn": run_learn2learn(features, class_index),
        "easyfsl": run_easyfsl(features, class_index, loader=True),
        "easyfsl, matrix": run_easyfsl(features, class_index, loader=False),
    }
    draws = []
    for _ in range(args.turns):
        found = {library: measure(results) for library, results in runs.items()}
        speed = {library: found[library][0] for library in runs}
        draws.append(
            {
                "measured": speed["metafuse"] / max(speed["learn2learn"], speed["easyfsl"]),
                **{f"{library}, per second": each for library, each in speed.items()},
                **{f"accuracy, {library}": accuracy for library, (_, accuracy) in found.items()},
            }
        )
        print({metric: round(value, 3) for metric, value in draws[-1].items()})
    setting = {
        "what": f"episodes per second from {name}, sampler and prototypical forward, times as fast as the faster peer",
        "protocol": f"{N_WAY}-way {K_SHOT}-shot, {N_QUERY} queries a class, {args.n_tasks} episodes a batch",
        "unit": " x",
        "target": "10 x",
    }
    append_record(args.results, setting, draws, command=f"python benchmarks/{Path(__file__).name} --data DIR")


if __name__ == "__main__":
    main()
