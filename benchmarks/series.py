"""Series with five labels a class against the nearest neighbour under dynamic time warping.

    python benchmarks/series.py DIR

DIR holds the public sets. Labels are drawn from a set's TRAIN part, the rest of which is the pool; the encoder sees
TRAIN only, and accuracy is that on TEST. Baselines are aeon's DTW distances from the same labelled series, without and
with a warping window of a tenth of the length, and the nearest prototype on the same features.
"""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from records import RESULTS, append_record

from metafuse.adaptation import adapt_features
from metafuse.encoders.series import fit_series
from metafuse.encoders.series_values import fill_gaps, load_series, read_series
from metafuse.features import Features
from metafuse.schema import Modality
from metafuse.sources.media import Media
from metafuse.sources.open import open_source

SETS = ("GunPoint", "ItalyPowerDemand", "OSULeaf", "JapaneseVowels")
K_SHOT = 5
N_DRAWS = 10
WINDOW = 0.1


@dataclass(frozen=True)
class Part:
    """Series of a set's TRAIN or TEST part and their classes."""

    values: list[bytes]
    class_index: np.ndarray


def read_parts(name: str, folder: Path) -> tuple[Part, Part]:
    frames = [open_source(folder / name / f"{name}_{part}.ts").read().frame for part in ("TRAIN", "TEST")]
    classes = sorted(frames[0]["label"].unique())
    train, test = (
        Part([read_series(cell, Media()) for cell in frame["series"]], np.searchsorted(classes, frame["label"]))
        for frame in frames
    )
    return train, test


def draw_labels(class_index: np.ndarray, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.permutation(np.flatnonzero(class_index == c))[:K_SHOT] for c in np.unique(class_index)])


def as_features(matrix: np.ndarray) -> Features:
    return Features({"series": matrix}, {"series": np.ones(len(matrix), dtype=bool)}, {"series": Modality.SERIES})


def warping_distances(train: Part, test: Part, window: float | None) -> np.ndarray:
    """DTW distance of every TEST series from every TRAIN one, on the values as they are in the files."""
    from aeon.distances import dtw_pairwise_distance

    queries, base = ([fill_gaps(load_series(value)) for value in part.values] for part in (test, train))
    return dtw_pairwise_distance(queries, base, window=window)


def measure(name: str, folder: Path) -> tuple[list[dict[str, float]], dict[str, str | int]]:
    train, test = read_parts(name, folder)
    encoder = fit_series(train.values)
    features, queries = (as_features(encoder.encode(part.values).matrix) for part in (train, test))
    distances = {"dtw": warping_distances(train, test, None), "dtw_window": warping_distances(train, test, WINDOW)}
    draws = []
    for seed in range(N_DRAWS):
        rows = draw_labels(train.class_index, seed)
        known = np.full(len(train.values), -1)
        known[rows] = train.class_index[rows]
        adapted = adapt_features(
            features, known, class_shots=None, learner="auto", fusion="auto", seed=seed, device="cpu"
        )
        plain = adapt_features(
            features, known, class_shots=None, learner="prototypical", fusion="auto", seed=seed, device="cpu"
        )
        found = {"metafuse": adapted.logits(queries).argmax(axis=1), "prototypes": plain.logits(queries).argmax(axis=1)}
        found |= {key: train.class_index[rows][matrix[:, rows].argmin(axis=1)] for key, matrix in distances.items()}
        draws.append({key: float((predicted == test.class_index).mean()) for key, predicted in found.items()})
    setting = {
        "what": "series",
        "set": name,
        "k_shot": K_SHOT,
        "n_pool": len(train.values) - len(rows),
        "n_test": len(test.values),
    }
    return draws, setting


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the public sets")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--out", type=Path, default=RESULTS / "fusion.jsonl")
    options = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    means: dict[str, list[float]] = {}
    for name in options.sets:
        draws, setting = measure(name, options.data / "ts_ucr")
        record = append_record(options.out, setting, draws, command="python benchmarks/series.py DIR")
        for key, metric in record["metrics"].items():
            means.setdefault(key, []).append(metric["mean"])
        print(name, {key: round(100 * metric["mean"], 1) for key, metric in record["metrics"].items()}, flush=True)
    print("mean", {key: round(100 * float(np.mean(values)), 1) for key, values in means.items()})


if __name__ == "__main__":
    main()
