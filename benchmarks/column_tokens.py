"""Whether attention over columns, learned on other catalogues, helps one it has never seen:
`python benchmarks/column_tokens.py --data DIR`.

Each of four catalogues with different columns is left out in turn; the `column_tokens` backbone is meta-trained on the
other three, adapted to the labels of the left-out one, and measured on its unseen rows, beside plain concatenation of
the same features with every column or every modality alike, under the same heads. `gain` is the paired difference, with
nearest prototypes, to the better of the two plain ones. The weights are those of the last step.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from column_token_sets import NAMES, encode, read_set
from column_token_training import read_source, train
from main_job import average_classes
from public_sets import Catalogue, draw_labels, split_catalogue
from records import RESULTS, append_record
from sklearn.linear_model import LogisticRegression

import metafuse
from metafuse.base_checkpoint import Base
from metafuse.features import Features
from metafuse.fusion.attention import fit_attention_fusion
from metafuse.fusion.base import Fusion
from metafuse.fusion.early import equal_weights, fit_early_fusion

COMMAND = "python benchmarks/column_tokens.py --data DIR"
PLAIN = ("columns alike", "modalities alike", "without a checkpoint")
"""What a gain is to: the best of them on average."""


def measure(
    fusions: Mapping[str, Fusion], support: Features, target: np.ndarray, unseen: Features, truth: np.ndarray
) -> dict[str, float]:
    """Accuracy on unseen rows of nearest prototype and of logistic regression on each embedding."""
    found = {}
    for name, fusion in fusions.items():
        x, queries = fusion.forward(support), fusion.forward(unseen)
        classes, prototypes = average_classes(x, target)
        found[name] = float(np.mean(classes[(queries @ prototypes.T).argmax(axis=1)] == truth))
        logistic = LogisticRegression(C=10, max_iter=2000).fit(x, target)
        found[f"{name}, logistic"] = float(np.mean(logistic.predict(queries) == truth))
    return found


def run_draw(catalogue: Catalogue, base: Base, seed: int, args: argparse.Namespace) -> dict[int, dict[str, float]]:
    """One split of a left-out catalogue, and what comes of each number of labels."""
    split = split_catalogue(catalogue, seed)
    features, unseen = encode(split.pool, split.unseen, args.cache_dir)
    found = {}
    for k_shot in args.shots:
        labels = draw_labels(split.pool_labels, k_shot, seed)
        rows, target = np.array(list(labels)), np.array(list(labels.values()))
        class_index = np.full(len(features), -1)
        class_index[rows] = np.unique(target, return_inverse=True)[1]
        columns = [name for name, matrix in features.matrices.items() if features.present[name].any() and matrix.size]
        fusions: dict[str, Fusion] = {
            "measured": fit_attention_fusion(features, class_index, weigher=base.weigher),
            "before meta-training": fit_attention_fusion(features, class_index),
            "columns alike": fit_early_fusion(features, dict.fromkeys(columns, 1.0)),
            "modalities alike": fit_early_fusion(features, equal_weights(features, columns)),
        }
        found[k_shot] = measure(fusions, features.take(rows), target, unseen, split.unseen_labels)
    return found


def run_product(catalogue: Catalogue, base: Base, seed: int, args: argparse.Namespace) -> dict[int, dict[str, float]]:
    """The same for all of `adapt`, learner auto, with the checkpoint and without."""
    split = split_catalogue(catalogue, seed)
    ids = split.pool.get("id", split.pool.index)
    found: dict[int, dict[str, float]] = {}
    for k_shot in args.shots:
        labels = {ids[row]: label for row, label in draw_labels(split.pool_labels, k_shot, seed).items()}
        found[k_shot] = {}
        for metric, start in (("measured", Path(base.name)), ("without a checkpoint", None)):
            run = metafuse.adapt(split.pool, labels, base=start, seed=seed, cache_dir=args.cache_dir, device="cpu")
            right = run.predict(split.unseen)["label"].to_numpy() == split.unseen_labels
            found[k_shot][metric] = float(np.mean(right))
    return found


def record(what: str, name: str, k_shot: int, draws: Sequence[Mapping[str, float]], out: Path) -> None:
    """Add the draws of a set to the results, with the gain over its better plain concatenation, and print them."""
    plain = max(
        [each for each in PLAIN if each in draws[0]], key=lambda each: float(np.mean([draw[each] for draw in draws]))
    )
    draws = [{**draw, "gain": draw["measured"] - draw[plain]} for draw in draws]
    setting: dict[str, str | int] = {"what": what, "set": name, "k_shot": k_shot, "protocol": "unseen rows"}
    done = append_record(out, setting, draws, command=f"{COMMAND}{' --product' if 'adapt' in what else ''}")
    said = {
        metric: f"{100 * each['mean']:.2f} ± {100 * (each['half_width'] or 0):.2f}"
        for metric, each in done["metrics"].items()
    }
    print(what, name, k_shot, said, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache-dir", type=Path)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--product", action="store_true", help="all of adapt, not the embedder alone")
    parser.add_argument("--first-seed", type=int, default=0, help="of the draws; 100 and up to try things out")
    parser.add_argument("--shots", type=int, nargs="+", default=[1, 5])
    parser.add_argument("--checkpoints", type=Path, default=Path("checkpoints"), help="folder they are written to")
    parser.add_argument("--out", type=Path, default=RESULTS / "fusion.jsonl")
    args = parser.parse_args()
    what, run = ("column_tokens, all of adapt", run_product) if args.product else ("column_tokens", run_draw)
    sets = {name: read_set(name, args.data) for name in NAMES}
    ready = {name: read_source(name, each, args.cache_dir) for name, each in sets.items()}
    found: dict[str, list[dict[int, dict[str, float]]]] = {}
    for name in NAMES:
        others = {other: each for other, each in ready.items() if other != name}
        base = train(others, 0, args.checkpoints / f"without_{name}")
        found[name] = [
            run(sets[name], base, seed, args) for seed in range(args.first_seed, args.first_seed + args.draws)
        ]
        for k in args.shots:
            record(what, f"{name} left out", k, [draw[k] for draw in found[name]], args.out)
    for k in args.shots:
        each_seed = zip(*(found[name] for name in NAMES), strict=True)
        means = [
            {metric: float(np.mean([draw[k][metric] for draw in draws])) for metric in draws[0][k]}
            for draws in each_seed
        ]
        record(what, "mean of four left out", k, means, args.out)


if __name__ == "__main__":
    main()
