"""Meta-iterations of MAML and ANIL against learn2learn: `python benchmarks/maml_speed.py WHAT [--inner-steps N] ...`.

One meta-iteration is adapting to 32 tasks, second order, and the gradient of their mean query loss. Both sides work on
the same tasks and start from the same weights, in turns within one process; that their gradients are equal is asserted
in float64 first. learn2learn takes one task after another, as its examples do, and normalises with torch's own layer.

    conv4   Conv-4, 64 channels, 28x28 images, 5-way 1-shot, and a linear head
    mlp     384 -> 64 -> 64 over cached features, 5-way 5-shot, 15 queries a class, and a linear head
    anil    the head alone over cached features of 384 dimensions, otherwise as mlp

Convolutions on a CPU want, for both, in the environment before the process starts: MALLOC_MMAP_THRESHOLD_=4294967296
MALLOC_TRIM_THRESHOLD_=8589934592 MALLOC_TOP_PAD_=268435456. Two cores: `taskset -c 0,1`.
"""

import argparse
import copy
import os
import timeit
from collections.abc import Callable
from pathlib import Path

import torch
from records import RESULTS, append_record
from torch import Tensor, nn

from metafuse.backbones.conv4 import Conv4
from metafuse.backbones.mlp import Mlp
from metafuse.episodes.batch import EpisodeBatch, Support
from metafuse.learners.optimization.gradient_learner import GradientLearner
from metafuse.learners.optimization.learn2learn import import_learn2learn
from metafuse.learners.optimization.maml import maml

N_TASKS, N_WAY, INNER_LR = 32, 5, 0.1
TITLES = {
    "conv4": "MAML, Conv-4, 5-way 1-shot",
    "mlp": "MAML, MLP 384-64-64 and head, 5-way 5-shot",
    "anil": "ANIL, head on 384 cached features, 5-way 5-shot",
}
TARGETS = {"conv4": "1.3 x", "mlp": "10 x", "anil": "10 x"}
MetaIteration = Callable[[], list[Tensor]]


def draw_batch(what: str, n_tasks: int, n_query: int, device: str, dtype: torch.dtype) -> EpisodeBatch:
    """Tasks of noise around a centre for each class."""
    shape, k_shot = ((1, 28, 28), 1) if what == "conv4" else ((384,), 5)
    generator = torch.Generator().manual_seed(0)
    centres = torch.rand(n_tasks, 1, N_WAY, *shape, generator=generator)
    sides: list[tuple[Tensor, Tensor]] = []
    for n_items in (k_shot, n_query):
        items = (centres + 0.5 * torch.rand(n_tasks, n_items, N_WAY, *shape, generator=generator)).flatten(1, 2)
        items = items if what == "conv4" else nn.functional.normalize(items - items.mean((0, 1)), dim=-1)
        classes = (torch.arange(n_items * N_WAY) % N_WAY).repeat(n_tasks, 1)
        sides.append((items.to(device, dtype), classes.to(device)))
    (items, classes), query = sides
    return EpisodeBatch(Support(items, classes, torch.ones(classes.shape, device=device, dtype=dtype), N_WAY), *query)


def build_learner(what: str, inner_steps: int) -> GradientLearner:
    """MAML over Conv-4 or an MLP, or ANIL over features."""
    options = {"inner_steps": inner_steps, "inner_lr": INNER_LR, "head": "per_class", "n_way": N_WAY}
    if what == "anil":
        features = nn.Identity()
        features.dim = 384
        return maml(features, adapt_only="head", feature_scale=3.0, **options)
    backbone = Conv4(statistics="batch") if what == "conv4" else Mlp(in_features=384, hidden=(64,), dim=64)
    return maml(backbone, **options)


def iterate_ours(learner: GradientLearner, batch: EpisodeBatch, *, compiled: bool) -> MetaIteration:
    loss = torch.compile(learner.loss) if compiled else learner.loss

    def iterate() -> list[Tensor]:
        learner.zero_grad()
        loss(batch)[0].backward()
        return [parameter.grad for parameter in learner.parameters()]

    return iterate


def iterate_learn2learn(learner: GradientLearner, batch: EpisodeBatch) -> MetaIteration:
    algorithms = import_learn2learn().algorithms
    backbone, head = copy.deepcopy(learner.backbone), copy.deepcopy(learner.head)
    for block in backbone.blocks if isinstance(backbone, Conv4) else ():
        normalise = nn.BatchNorm2d(block.normalise.weight.shape[0], track_running_stats=False)
        block.normalise = normalise.to(block.normalise.weight.device, block.normalise.weight.dtype)
    scale, steps, adapts = learner.options.feature_scale, learner.options.inner_steps, learner.adapts_backbone
    model = nn.Sequential(backbone, head) if adapts else head
    algorithm = algorithms.MAML(model, lr=INNER_LR)
    parameters = [*backbone.parameters(), *head.parameters()]
    error, n_tasks = nn.functional.cross_entropy, len(batch.query)

    def iterate() -> list[Tensor]:
        for parameter in parameters:
            parameter.grad = None
        for task in range(n_tasks):
            clone = algorithm.clone()
            support, query = scale * batch.support.items[task], scale * batch.query[task]
            for _ in range(steps):
                clone.adapt(error(clone(support), batch.support.class_index[task]))
            (error(clone(query), batch.query_class_index[task]) / n_tasks).backward()
        return [parameter.grad for parameter in parameters]

    return iterate


def check_gradients(what: str, inner_steps: int, n_query: int) -> float:
    """Largest relative difference of a gradient over two tasks, in float64."""
    learner, batch = build_learner(what, inner_steps).double(), draw_batch(what, 2, n_query, "cpu", torch.float64)
    pairs = zip(iterate_ours(learner, batch, compiled=False)(), iterate_learn2learn(learner, batch)(), strict=True)
    return max(((ours - theirs).norm() / theirs.norm()).item() for ours, theirs in pairs)


def time_best(iterate: MetaIteration, n_times: int, device: str) -> float:
    """Seconds of the quickest of some iterations."""
    wait = (lambda: None) if device == "cpu" else torch.cuda.synchronize
    return min(timeit.repeat(lambda: (iterate(), wait()), number=1, repeat=n_times))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["conv4", "mlp", "anil"])
    parser.add_argument("--inner-steps", type=int, default=5)
    parser.add_argument("--n-query", type=int, default=15, help="queries a class")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--best-of", type=int, default=1, help="iterations in a turn, the quickest of which counts")
    parser.add_argument("--compile", action="store_true", help="torch.compile our loss; not counted in the time")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--results", type=Path, default=RESULTS / "meta_learning.jsonl")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    difference = check_gradients(args.what, args.inner_steps, args.n_query)
    assert difference < 1e-6, f"the gradients differ by {difference}"
    batch = draw_batch(args.what, N_TASKS, args.n_query, args.device, torch.float32)
    learner = build_learner(args.what, args.inner_steps).to(args.device)
    ours, theirs = iterate_ours(learner, batch, compiled=args.compile), iterate_learn2learn(learner, batch)
    sides = {"ours": ours, "learn2learn": theirs}
    draws: list[dict[str, float]] = []
    for _ in range(args.rounds + 1):
        draw = {f"{side}, seconds": time_best(iterate, args.best_of, args.device) for side, iterate in sides.items()}
        draws.append({"measured": draw["learn2learn, seconds"] / draw["ours, seconds"], **draw})
    names = ("inner_steps", "n_query", "best_of", "threads", "device")
    flags = [f"--{name.replace('_', '-')} {getattr(args, name)}" for name in names]
    command = " ".join(["python benchmarks/maml_speed.py", args.what, *flags, *["--compile"] * args.compile])
    setting = {
        "what": f"meta-iteration, {TITLES[args.what]}, {args.inner_steps} inner steps, {args.n_query} queries a class"
        f"{', compiled' if args.compile else ''}, {args.device}, times as fast as learn2learn",
        "protocol": f"32 tasks, same gradients; malloc {os.environ.get('MALLOC_MMAP_THRESHOLD_', 'default')}",
        "unit": " x",
        "target": TARGETS[args.what],
    }
    record = append_record(args.results, setting, draws[1:], command=command)
    print({name: (metric["mean"], metric["half_width"]) for name, metric in record["metrics"].items()}, difference)


if __name__ == "__main__":
    main()
