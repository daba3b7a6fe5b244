"""Meta-training on some sources, measured on others: `python benchmarks/meta_transfer.py WHAT --data DIR`.

clinc150: 7 domains -> the 45 intents of its 3 others; banking77: CLINC150 without its two banking domains -> BANKING77;
loghub: 5 systems and CLINC150 -> the sixth system. The learner is `whitened` on the `columns` backbone. Beside it, on
the same frozen features, labels and unseen queries: nearest prototype and logistic regression on the features as the
encoder gives them, nearest prototype on features centred on the mean of the source's rows, as `adapt` centres them, and
the same learner before meta-training. `gain` is the paired difference to nearest prototype, not centred. Inductive: a
query is scored on its own. DIR holds a folder a public set; `python benchmarks/meta_table.py` writes the table.
"""

import argparse
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from frozen_features import SYSTEMS, Rows, halve, read_banking, read_clinc, read_system
from records import RESULTS, append_record
from sklearn.linear_model import LogisticRegression

from metafuse.episodes.batch import Support
from metafuse.episodes.splits import episode_pools
from metafuse.learners.episodic import EpisodicLearner
from metafuse.learners.episodic_spec import LearnerSpec
from metafuse.meta_training.loop import meta_train_sources
from metafuse.meta_training.settings import MetaTrainingSettings
from metafuse.meta_training.sources import TrainingSource
from metafuse.task import ClassSpec, EpisodeSizes

BANKING_DOMAINS = ("banking", "credit_cards")
SPEC = LearnerSpec("whitened", "columns", {}, {"dims": {"text": 384}})
SIZES = EpisodeSizes(n_way=45, k_shot=1, n_query=5)
VAL_SIZES = EpisodeSizes(n_way=15, k_shot=1, n_query=5)
LOG_SIZES = EpisodeSizes(n_way=45, k_shot=1, n_query=5, variable_way=True)
SETTINGS = MetaTrainingSettings(
    outer_steps=400, n_tasks=1, pull=0.03, warm_up=20, eval_every=100, n_val_episodes=200, patience=0
)


def centre(x: np.ndarray, mean: np.ndarray) -> np.ndarray:
    centred = x - mean
    return centred / np.linalg.norm(centred, axis=1, keepdims=True)


def items(x: np.ndarray, mean: np.ndarray) -> dict[str, torch.Tensor]:
    """Features as `adapt` hands them to a learner."""
    return {"text/text": torch.from_numpy(centre(x, mean)).float()}


def as_source(name: str, rows: Rows, seed: int) -> TrainingSource:
    pools = episode_pools(name, rows.labels, ClassSpec(meta_val=0.15, seed=seed))
    return TrainingSource(items(rows.x, rows.x.mean(axis=0)), pools, {})


def train(
    sources: Mapping[str, Rows], seed: int, sizes: EpisodeSizes = SIZES, val_sizes: EpisodeSizes = VAL_SIZES
) -> EpisodicLearner:
    ready = [as_source(name, rows, seed) for name, rows in sources.items()]
    settings = MetaTrainingSettings(**vars(SETTINGS) | {"seed": seed})
    return SPEC.build(meta_train_sources(SPEC, ready, sizes, settings, val_sizes=val_sizes).best)


def measure(learner: EpisodicLearner, pool: Rows, query: Rows, k_shot: int, seed: int) -> dict[str, float]:
    """Mean accuracy over classes on the queries, from k labels a class drawn from the pool."""
    generator, classes = np.random.default_rng(seed), np.unique(pool.labels)
    drawn = np.concatenate([generator.permutation(np.flatnonzero(pool.labels == label))[:k_shot] for label in classes])
    x, y = pool.x[drawn], np.searchsorted(classes, pool.labels[drawn])
    truth, mean = np.searchsorted(classes, query.labels), pool.x.mean(axis=0)
    plain = nearest_prototype(x, y, query.x)
    centred = nearest_prototype(centre(x, mean), y, centre(query.x, mean))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The number of unique classes")  # one label a class is the question
        logistic = LogisticRegression(C=10, max_iter=2000).fit(x, y).predict(query.x)
    found = {
        "nearest prototype": score(plain, truth),
        "nearest prototype, centred": score(centred, truth),
        "logistic regression": score(logistic, truth),
    }
    for name, each in (("before meta-training", SPEC.build()), ("measured", learner)):
        labels = torch.from_numpy(y)[None]
        batched = {column: value[None] for column, value in items(x, mean).items()}
        support = Support(batched, labels, torch.ones(labels.shape), len(classes))
        with torch.no_grad():
            queries = {column: value[None] for column, value in items(query.x, mean).items()}
            logits = each.logits(each.adapt(support), queries)[0].numpy()
        found[name] = score(logits.argmax(axis=1), truth)
    return found | {"gain": found["measured"] - found["nearest prototype"]}


def nearest_prototype(x: np.ndarray, y: np.ndarray, query: np.ndarray) -> np.ndarray:
    prototypes = np.stack([x[y == place].mean(axis=0) for place in range(y.max() + 1)])
    return (query @ (prototypes / np.linalg.norm(prototypes, axis=1, keepdims=True)).T).argmax(axis=1)


def score(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Mean over classes of the share of their queries that are right."""
    return float(np.mean([np.mean(predicted[truth == place] == place) for place in np.unique(truth)]))


def run_clinc(data: Path, cache_dir: Path | None, n_draws: int) -> Iterator[tuple[str, int, list[dict[str, float]]]]:
    train_rows, test_rows, train_domain, test_domain = read_clinc(data, cache_dir)
    found: dict[int, list[dict[str, float]]] = {1: [], 5: []}
    for seed in range(n_draws):
        unseen = np.random.default_rng(seed).permutation(np.unique(train_domain))[:3]
        learner = train({"clinc150": train_rows.where(~np.isin(train_domain, unseen))}, seed)
        pool, query = train_rows.where(np.isin(train_domain, unseen)), test_rows.where(np.isin(test_domain, unseen))
        for k_shot, draws in found.items():
            draws.append(measure(learner, pool, query, k_shot, seed))
    yield from ((f"CLINC150, 7 domains -> 45 intents of 3 others, {k} shot", k, draws) for k, draws in found.items())


def run_banking(data: Path, cache_dir: Path | None, n_draws: int) -> Iterator[tuple[str, int, list[dict[str, float]]]]:
    train_rows, _, domain, _ = read_clinc(data, cache_dir)
    learner = train({"clinc150": train_rows.where(~np.isin(domain, BANKING_DOMAINS))}, 0)
    pool, query = read_banking(data, cache_dir)
    for k in (1, 5, 10):
        draws = [measure(learner, pool, query, k, seed) for seed in range(n_draws)]
        yield f"CLINC150 without banking -> BANKING77, {k} shot", k, draws


def run_loghub(data: Path, cache_dir: Path | None, n_draws: int) -> Iterator[tuple[str, int, list[dict[str, float]]]]:
    systems = {name: read_system(name, data, cache_dir) for name in SYSTEMS}
    clinc = read_clinc(data, cache_dir)[0]
    learners = {}
    for name in systems:
        others = {other: rows for other, rows in systems.items() if other != name}
        learners[name] = train({"clinc150": clinc} | others, 0, LOG_SIZES, LOG_SIZES)
    for k in (1, 5):
        found = {
            name: [measure(learners[name], *halve(rows, k, seed), k, seed) for seed in range(n_draws)]
            for name, rows in systems.items()
        }
        yield from ((f"loghub without {name} -> {name}, {k} shot", k, draws) for name, draws in found.items())
        means = [
            {key: float(np.mean([found[name][seed][key] for name in systems])) for key in found["BGL"][0]}
            for seed in range(n_draws)
        ]
        yield f"loghub, mean of six systems left out, {k} shot", k, means


RUNS = {"clinc150": run_clinc, "banking77": run_banking, "loghub": run_loghub}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=sorted(RUNS))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache-dir", type=Path)
    parser.add_argument("--draws", type=int, default=12)
    parser.add_argument("--out", type=Path, default=RESULTS / "meta_learning.jsonl")
    args = parser.parse_args()
    for title, k_shot, draws in RUNS[args.what](args.data, args.cache_dir, args.draws):
        setting = {"what": title, "protocol": "inductive", "k_shot": k_shot}
        record = append_record(
            args.out, setting, draws, command=f"python benchmarks/meta_transfer.py {args.what} --data DIR"
        )
        said = {
            name: f"{100 * each['mean']:.2f} ± {100 * each['half_width']:.2f}"
            for name, each in record["metrics"].items()
        }
        print(title, said, flush=True)


if __name__ == "__main__":
    main()
