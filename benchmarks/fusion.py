"""Fusion, measured: `python benchmarks/fusion.py WHAT --data DIR`.

DIR holds one folder a public set: luma_catalog, emoji_catalog, appimage_catalog, multiview. `modalities` compares all
modalities with each alone and with plain fusions; `missing` takes modalities from rows at random, at support (the whole
source), at query (rows that come later) or both. Each set is encoded once, as a whole and without labels;
each figure is the accuracy on rows that are not in the source, over draws of the split and the labels.
"""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from fusion_baselines import each_removal, predict_concatenated, predict_summed
from fusion_sets import SETS, Draw, Encoded, draw, encode_set
from records import RESULTS, append_record

from metafuse.adaptation import adapt_features, columns_by_modality
from metafuse.features import Features

SHARES = (0.3, 0.6)
FIRST_SEED = 10
"""Draws 0 to 9 were looked at while fusion was developed, and 100 and up chose its constants."""


def adapted_accuracy(one: Draw, class_shots: Features | None, fusion: str, seed: int) -> float:
    """Adapt and predict the rows that come later."""
    model = adapt_features(
        one.source, one.class_index, class_shots=class_shots, learner="auto", fusion=fusion, seed=seed, device="cpu"
    )
    return accuracy(model.logits(one.rows), one.truth)


def accuracy(logits: np.ndarray, truth: np.ndarray) -> float:
    """Share of rows whose class has the highest score."""
    return float((logits.argmax(axis=1) == truth).mean())


def measure_modalities(encoded: Encoded, k_shot: int, seed: int) -> dict[str, float]:
    """Accuracy of all modalities fused, of each alone, and of plain fusions."""
    one, shots = draw(encoded, k_shot, seed), encoded.class_shots
    modalities = columns_by_modality(one.source)
    found = {"fused": adapted_accuracy(one, shots, "auto", seed)}
    for name, columns in modalities.items():
        alone = Draw(one.source.columns(columns), one.class_index, one.rows.columns(columns), one.truth)
        found[f"{name} alone"] = adapted_accuracy(alone, shots and shots.columns(columns), "auto", seed)
    found["sum of log-probabilities"] = accuracy(
        predict_summed(one.source, one.class_index, one.rows, modalities), one.truth
    )
    found["concatenation"] = accuracy(predict_concatenated(one.source, one.class_index, one.rows), one.truth)
    return found


def measure_missing(encoded: Encoded, k_shot: int, seed: int) -> dict[str, float]:
    """Accuracy where rows lack modalities: fused, early fusion, and plain concatenation."""
    whole, found = draw(encoded, k_shot, seed), {}
    removals = each_removal(whole.source, whole.rows, columns_by_modality(whole.source), SHARES, seed)
    for name, source, rows in [("complete", whole.source, whole.rows), *removals]:
        one = Draw(source, whole.class_index, rows, whole.truth)
        found[f"fused, {name}"] = adapted_accuracy(one, encoded.class_shots, "auto", seed)
        found[f"early, {name}"] = adapted_accuracy(one, encoded.class_shots, "early", seed)
        found[f"concatenation, {name}"] = accuracy(predict_concatenated(source, one.class_index, rows), one.truth)
    return found


MEASURES: Mapping[str, tuple[Callable[[Encoded, int, int], dict[str, float]], tuple[int, ...]]] = {
    "modalities": (measure_modalities, (1, 5, 10)),
    "missing": (measure_missing, (5,)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=sorted(MEASURES))
    parser.add_argument("--data", type=Path, required=True, help="folder of the public sets")
    parser.add_argument("--set", choices=SETS, help="only this set")
    parser.add_argument("--k-shot", type=int, help="only with so many labels a class")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--cache-dir", type=Path, help="feature cache")
    parser.add_argument("--results", type=Path, default=RESULTS / "fusion.jsonl")
    args = parser.parse_args()
    measure, shots = MEASURES[args.what]
    for name in [args.set] if args.set else SETS:
        encoded = encode_set(name, args.data, args.cache_dir)
        for k in [args.k_shot] if args.k_shot else shots:
            draws = [measure(encoded, k, seed) for seed in range(FIRST_SEED, FIRST_SEED + args.draws)]
            setting = {"what": args.what, "set": name, "k_shot": k}
            command = f"python benchmarks/fusion.py {args.what} --data DIR"
            record = append_record(args.results, setting, draws, command=command, first_seed=FIRST_SEED)
            print(setting, {metric: round(100 * value["mean"], 1) for metric, value in record["metrics"].items()})


if __name__ == "__main__":
    main()
