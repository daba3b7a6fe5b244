"""Meta-trained against trained from scratch on the support set: `python benchmarks/from_scratch.py WHAT --data DIR`.

ts_ucr: a 1-D CNN meta-trained (`prototypical`) on three sets of series and adapted to the fourth from 5 labels a class:
it is trained on just as the network from scratch is, with the same head and order of rows. handwritten: an
MLP a view, meta-trained (`whitened`) on six digits and adapted to the four others from 1 and 5 labels, as it is. From
scratch: the same network under a linear head, Adam, 200 steps, on the support set alone. Beside them the untrained
network with nearest prototype, and a plain method on the raw values. `gain` is the paired difference to training from
scratch. Inductive: a query is scored on its own. DIR holds a folder a public set.
"""

import argparse
import copy
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from records import RESULTS, append_record
from small_sources import SETS, Labelled, change_series, digit_source, read_series, read_views, series_sources
from support_training import embed, fit
from torch import Tensor, nn

from metafuse.episodes.batch import Support
from metafuse.learners.episodic import EpisodicLearner, as_module
from metafuse.learners.episodic_spec import LearnerSpec
from metafuse.meta_training.loop import Augment, meta_train_sources
from metafuse.meta_training.settings import MetaTrainingSettings
from metafuse.meta_training.sources import TrainingSource
from metafuse.task import EpisodeSizes

HEAD = {"scale": 1.0, "learn_scale": True}
SERIES_SIZES = EpisodeSizes(n_way=16, k_shot=1, n_query=2, variable_way=True, within_group=True)
SERIES_VAL = EpisodeSizes(n_way=9, k_shot=5, n_query=3, variable_way=True, within_group=True)
DIGIT_SIZES = EpisodeSizes(n_way=4, k_shot=1, n_query=10)


def train(
    spec: LearnerSpec, sources: list[TrainingSource], sizes: tuple[EpisodeSizes, EpisodeSizes], augment: Augment, n: int
) -> EpisodicLearner:
    settings = MetaTrainingSettings(outer_steps=n, n_tasks=4, eval_every=n // 4, n_val_episodes=100, patience=0)
    done = meta_train_sources(spec, sources, sizes[0], settings, val_sizes=sizes[1], augment=augment)
    said = [f"{100 * each.accuracy:.1f}" for each in done.history]
    print("meta_val", " ".join(said), flush=True)
    return spec.build(done.best)


def measure(
    learner: EpisodicLearner, spec: LearnerSpec, support: Labelled, query: Labelled, *, seed: int, tune: bool
) -> dict[str, float]:
    """Accuracy on the queries of each way to use the support set; `tune` goes on from the meta-trained weights."""

    def share_right(predicted: Tensor) -> float:
        return float((predicted == query.class_index).float().mean())

    @torch.no_grad()
    def score(backbone: nn.Module, head: nn.Linear) -> float:
        return share_right(torch.cat([head(embed(backbone, rows)) for rows in query.x.split(256)]).argmax(1))

    start = LearnerSpec("prototypical", spec.backbone, HEAD, {**spec.backbone_options, "seed": seed}).build()
    found = {"frozen": share_right(answer(learner, support, query))}
    found["untrained, nearest prototype"] = share_right(answer(start, support, query))
    for name, own in ({"from scratch": start} | ({"tuned": learner} if tune else {})).items():
        backbone = copy.deepcopy(own.backbone)
        torch.manual_seed(seed)
        head = nn.Linear(embed(backbone, support.x).shape[1], len(support.class_index.unique()))
        fit(backbone, head, support, seed)
        found[name] = score(backbone, head)
    plain = support if tune else support.class_means()
    nearest = torch.cdist(query.x.flatten(1), plain.x.flatten(1)).argmin(1)
    found["raw 1-NN" if tune else "raw nearest prototype"] = share_right(plain.class_index[nearest])
    measured = found.pop("tuned" if tune else "frozen")
    if tune:
        found["meta-trained, nearest prototype"] = found.pop("frozen")
    return {"measured": measured} | found | {"gain": measured - found["from scratch"]}


@torch.no_grad()
def answer(learner: EpisodicLearner, support: Labelled, query: Labelled) -> Tensor:
    """What a learner says as it is: each channel is a task of its own, and their logits are averaged."""
    as_module(learner).eval()
    x, asked = (part.x.transpose(0, 1).unsqueeze(2) if part.x.ndim == 3 else part.x[None] for part in (support, query))
    class_index = support.class_index.expand(len(x), -1)
    ready = Support(x, class_index, torch.ones(class_index.shape), len(support.class_index.unique()))
    return learner.logits(learner.adapt(ready), asked).mean(0).argmax(1)


Found = Iterator[tuple[str, str, list[dict[str, float]]]]


def run_series(data: Path, n_draws: int) -> Found:
    spec = LearnerSpec("prototypical", "cnn1d", HEAD, {})
    sets = {name: read_series(name, data) for name in SETS}
    for name, (pool, query) in sets.items():
        sources = [each for other in SETS if other != name for each in series_sources(other, *sets[other])]
        learner = train(spec, sources, (SERIES_SIZES, SERIES_VAL), change_series, 200)
        draws = [measure(learner, spec, pool.draw(5, seed)[0], query, seed=seed, tune=True) for seed in range(n_draws)]
        yield f"1-D CNN, ts_ucr without {name} -> {name}, 5 shot", "5 shot", draws


def run_views(data: Path, n_draws: int) -> Found:
    for trained in (range(6), range(4, 10)):
        digits = f"digits {trained[0]}-{trained[-1]} -> the others"
        for view, rows in enumerate(read_views(data, trained)):
            source, others, augment = digit_source(rows, trained)
            spec = LearnerSpec("whitened", "mlp", {}, {"in_features": rows.x.shape[1]})
            learner = train(spec, [source], (DIGIT_SIZES, DIGIT_SIZES), augment, 60)
            for k in (1, 5):
                pairs = [others.draw(k, seed) for seed in range(n_draws)]
                draws = [measure(learner, spec, *pair, seed=seed, tune=False) for seed, pair in enumerate(pairs)]
                yield f"MLP, handwritten view {view + 1}, {digits}, {k} shot", f"{k} shot", draws


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["ts_ucr", "handwritten"])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--out", type=Path, default=RESULTS / "meta_learning.jsonl")
    args = parser.parse_args()
    whole: dict[str, list[list[dict[str, float]]]] = {}
    for title, shots, draws in {"ts_ucr": run_series, "handwritten": run_views}[args.what](args.data, args.draws):
        whole.setdefault(shots, []).append(draws)
        record(title, draws, args)
    network = {
        "ts_ucr": "1-D CNN, ts_ucr, mean of 4 sets",
        "handwritten": "MLP, handwritten, mean of 6 views, 2 splits",
    }
    for shots, parts in whole.items():
        means = [{m: float(np.mean([each[m] for each in same])) for m in same[0]} for same in zip(*parts, strict=True)]
        record(f"{network[args.what]}, {shots}", means, args)


def record(what: str, draws: list[dict[str, float]], args: argparse.Namespace) -> None:
    setting = {"what": what, "protocol": "inductive"}
    done = append_record(args.out, setting, draws, command=f"python benchmarks/from_scratch.py {args.what} --data DIR")
    said = {
        name: f"{100 * each['mean']:.1f} ± {100 * each['half_width']:.1f}" for name, each in done["metrics"].items()
    }
    print(what, said, flush=True)


if __name__ == "__main__":
    main()
