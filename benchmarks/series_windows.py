"""Anomaly windows of the NAB series against an isolation forest on the same windows.

    python benchmarks/series_windows.py DIR

DIR holds the public sets. Each series is cut into half-overlapping windows of an eightieth of its length, in the order
of the file; those that overlap a labelled window are the anomalous ones. Nothing is learned from labels. Settings were
chosen on every second series in alphabetical order; the others are "held out". A series without a label is left out.
Forests: on the windows' values, standardised over the series; and on what metafuse looks at. Their scores, means of
five forests, are averaged over neighbouring windows exactly as metafuse's are; n_lasting = 1 is without that.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from records import RESULTS, append_record
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score

from metafuse.encoders.series import fit_series
from metafuse.encoders.series_values import normalise_series, write_series
from metafuse.features import Features
from metafuse.schema import Modality
from metafuse.services.anomaly import find_anomalies
from metafuse.services.series_windows import (
    N_LASTING,
    average_lasting,
    cut_windows,
    describe_windows,
    find_window_anomalies,
    measure_windows,
)

N_FORESTS = 5


def read_set(name: str, folder: Path, spans: list[list[str]]) -> tuple[np.ndarray, np.ndarray]:
    """Values in the order of the file, and which of them lie in a labelled window."""
    frame = pd.read_csv(folder / "data" / name, parse_dates=["timestamp"])
    is_labelled = np.zeros(len(frame), dtype=bool)
    for start, stop in spans:
        is_labelled |= frame["timestamp"].between(pd.Timestamp(start), pd.Timestamp(stop)).to_numpy()
    return frame["value"].to_numpy(dtype=np.float64)[None], is_labelled


def isolation_scores(matrix: np.ndarray) -> np.ndarray:
    forests = [IsolationForest(random_state=seed).fit(matrix) for seed in range(N_FORESTS)]
    return np.mean([-forest.score_samples(matrix) for forest in forests], axis=0)


def rocket_scores(windows: np.ndarray) -> np.ndarray:
    """metafuse on the features that classify series best, for comparison."""
    values = [write_series(window) for window in windows]
    matrix = fit_series(values).encode(values).matrix
    present = {"window": np.ones(len(matrix), dtype=bool)}
    features = Features({"window": matrix}, present, {"window": Modality.SERIES})
    return find_anomalies(features, device="cpu").anomaly_score


def measure(series: np.ndarray, is_labelled: np.ndarray, n_lasting: int) -> dict[str, float]:
    found = find_window_anomalies(series, n_lasting=n_lasting, device="cpu")
    truth = np.array([is_labelled[start : start + found.n_steps].any() for start in found.starts])
    raw, _ = cut_windows(series, found.n_steps)
    scaled, _ = cut_windows(normalise_series(series).series, found.n_steps)
    same = np.column_stack([*describe_windows(raw).matrices.values(), *measure_windows(raw).values()])
    others = {
        "forest": isolation_scores(scaled.reshape(len(scaled), -1)),
        "forest_same_features": isolation_scores(same),
        "rocket": rocket_scores(raw),
    }
    scores = {"metafuse": found.anomalies.anomaly_score}
    scores |= {name: average_lasting(score, n_lasting) for name, score in others.items()}
    result = {}
    for name, score in scores.items():
        result[f"auroc_{name}"] = float(roc_auc_score(truth, score))
        result[f"precision_{name}"] = float(average_precision_score(truth, score))
    result["auroc_gain"] = result["auroc_metafuse"] - result["auroc_forest"]
    result["precision_gain"] = result["precision_metafuse"] - result["precision_forest"]
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the public sets")
    parser.add_argument("--out", type=Path, default=RESULTS / "fusion.jsonl")
    options = parser.parse_args()
    folder, command = options.data / "nab", "python benchmarks/series_windows.py DIR"
    labels = json.loads((folder / "labels" / "combined_windows.json").read_text(encoding="utf-8"))
    names = [name for name in sorted(labels) if labels[name]]
    for n_lasting in (1, N_LASTING):
        found = {}
        for name in names:
            found[name] = measure(*read_set(name, folder, labels[name]), n_lasting)
            setting: dict[str, str | int] = {"what": "nab", "set": Path(name).stem, "n_lasting": n_lasting}
            append_record(options.out, setting, [found[name]], command=command)
            shown = {key: round(value, 2) for key, value in found[name].items() if key.startswith("auroc")}
            print(n_lasting, Path(name).stem, shown, flush=True)
        for group, members in {"all": names, "held out": names[1::2], "chosen on": names[::2]}.items():
            setting = {"what": "nab", "set": f"{group}: {len(members)} series", "n_lasting": n_lasting}
            record = append_record(options.out, setting, [found[name] for name in members], command=command)
            metrics = record["metrics"].items()
            print(
                n_lasting, setting["set"], {key: (round(m["mean"], 3), round(m["half_width"], 3)) for key, m in metrics}
            )


if __name__ == "__main__":
    main()
