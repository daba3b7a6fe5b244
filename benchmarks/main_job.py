"""The main job, measured: `python benchmarks/main_job.py WHAT --data DIR`, then `python benchmarks/table.py`.

DIR holds one folder a public set: banking77, clinc150, luma_catalog, appimage_catalog, emoji_catalog. Each figure is
the mean over draws of the labelled rows, beside a plain baseline on the same draws. `unseen` rows are not in the
source and are predicted one by one; `pool` rows are the source's own unlabelled ones.
"""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from process import measure_new_dept, measure_text_speed, measure_warm_adapt
from public_sets import CATALOGUES, Split, draw_labels, read_catalogue, read_intents, split_catalogue
from records import RESULTS, append_record
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

import metafuse
from metafuse.evaluation import false_alarm_at_recall
from metafuse.schema import TABULAR

SHOTS = (1, 5, 10)
Measure = Callable[[int], Mapping[str, float]]


def measure_intents(split: Split, k_shot: int, seed: int, cache_dir: Path | None) -> dict[str, float]:
    """Accuracy on unseen and on pool rows; nearest prototype and logistic regression without class names beside it."""
    labels = draw_labels(split.pool_labels, k_shot, seed)
    run = metafuse.adapt(split.pool, labels, seed=seed, cache_dir=cache_dir)
    rest = split.pool.drop(index=list(labels))
    found = {}
    for name, rows, truth in (
        ("unseen", split.unseen, split.unseen_labels),
        ("pool", rest, split.pool_labels[rest.index].to_numpy()),
    ):
        found[name] = np.mean(run.predict(rows)["label"].to_numpy() == truth)
        found |= {f"{name}, {method}": share for method, share in measure_baselines(run, split, labels, rows, truth)}
    return found


def measure_baselines(run: Any, split: Split, labels: Mapping[int, str], rows: Any, truth: Any) -> Any:
    """Accuracy of plain methods on the run's embeddings: labels only, neither class names nor unlabelled rows."""
    support, target = run.embed(split.pool.loc[list(labels)]), np.array(list(labels.values()))
    embedding = run.embed(rows)
    logistic = LogisticRegression(C=10, max_iter=2000).fit(support, target)
    yield "logistic", np.mean(logistic.predict(embedding) == truth)
    classes, prototypes = average_classes(support, target)
    yield "prototypes", np.mean(classes[(embedding @ prototypes.T).argmax(axis=1)] == truth)


def average_classes(support: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes and their mean embeddings, L2-normalised."""
    classes = np.unique(target)
    means = np.stack([support[target == label].mean(axis=0) for label in classes])
    return classes, means / np.linalg.norm(means, axis=1, keepdims=True)


def measure_out_of_scope(split: Split, k_shot: int, seed: int, cache_dir: Path | None) -> dict[str, float]:
    """How well p-values tell test rows from out-of-scope ones, and how often they call a test row unknown."""
    labels = draw_labels(split.pool_labels, k_shot, seed)
    run = metafuse.adapt(split.pool, labels, seed=seed, cache_dir=cache_dir)
    inside, outside = run.predict(split.unseen), run.predict(split.out_of_scope)
    _, prototypes = average_classes(run.embed(split.pool.loc[list(labels)]), np.array(list(labels.values())))
    near = [(run.embed(rows) @ prototypes.T).max(axis=1) for rows in (split.unseen, split.out_of_scope)]
    found = {
        "false alarms": float(inside["is_unknown"].mean()),
        "out of scope called unknown": float(outside["is_unknown"].mean()),
    }
    p_values = [frame["p_value"].to_numpy() for frame in (inside, outside)]
    for suffix, (known, unknown) in {"": p_values, ", prototypes": near}.items():
        is_known = np.repeat([1, 0], [len(known), len(unknown)])
        found[f"AUROC{suffix}"] = float(roc_auc_score(is_known, np.concatenate([known, unknown])))
        found[f"FPR95{suffix}"] = false_alarm_at_recall(known, unknown, 0.95)
    return found


def measure_catalogue(split: Split, k_shot: int, seed: int, cache_dir: Path | None) -> dict[str, float]:
    """Accuracy on unseen rows with all columns, and with the columns of one modality only."""
    labels = draw_labels(split.pool_labels, k_shot, seed)
    run = metafuse.adapt(split.pool, labels, seed=seed, cache_dir=cache_dir)
    found = {"fused": np.mean(run.predict(split.unseen)["label"].to_numpy() == split.unseen_labels)}
    baselines = measure_baselines(run, split, labels, split.unseen, split.unseen_labels)
    found |= {f"fused, {method}": share for method, share in baselines}
    columns: dict[str, list[str]] = {}
    for column in metafuse.inspect(split.pool, labels)["columns"]:
        modality = "table" if column["modality"] in TABULAR else str(column["modality"])
        if modality in {"text", "image", "table"}:
            columns.setdefault(modality, []).append(column["column"])
    for modality, names in sorted(columns.items()):
        alone = metafuse.adapt(split.pool[names], labels, seed=seed, cache_dir=cache_dir)
        found[modality] = np.mean(alone.predict(split.unseen)["label"].to_numpy() == split.unseen_labels)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "what", choices=["intents", "out_of_scope", "catalogues", "warm_adapt", "text_speed", "new_dept"]
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the public sets")
    parser.add_argument("--set", help="only this set")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--cache-dir", type=Path, help="feature cache")
    parser.add_argument("--results", type=Path, default=RESULTS / "main_job.jsonl")
    args = parser.parse_args()

    def record(name: str, k_shot: int, measure: Measure) -> None:
        draws = []
        for seed in range(args.draws):
            draws.append({metric: float(value) for metric, value in measure(seed).items()})
            print(args.what, name, k_shot, seed, {metric: round(value, 4) for metric, value in draws[-1].items()})
        setting = {"what": args.what, "set": name} | ({"k_shot": k_shot} if k_shot else {})
        append_record(args.results, setting, draws, command=f"python benchmarks/main_job.py {args.what} --data DIR")

    if args.what == "intents":
        for name in ("banking77", "clinc150"):
            split = read_intents(name, args.data)
            for k in SHOTS if args.set in {None, name} else ():
                record(name, k, lambda seed, k=k, split=split: measure_intents(split, k, seed, args.cache_dir))
    elif args.what == "out_of_scope":
        split = read_intents("clinc150", args.data)
        record("clinc150", 10, lambda seed: measure_out_of_scope(split, 10, seed, args.cache_dir))
    elif args.what == "catalogues":
        for name in CATALOGUES if args.set is None else [args.set]:
            catalogue = read_catalogue(name, args.data)
            for k in SHOTS:
                record(name, k, lambda seed, k=k, catalogue=catalogue: measure_catalogue(
                    split_catalogue(catalogue, seed), k, seed, args.cache_dir))  # fmt: skip
    elif args.what == "warm_adapt":
        record("banking77", 10, measure_warm_adapt(args.data))
    elif args.what == "text_speed":
        record("banking77", 0, measure_text_speed(args.data))
    else:
        record("new_dept", 0, measure_new_dept)


if __name__ == "__main__":
    main()
