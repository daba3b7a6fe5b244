"""Rows of the main job that time whole processes or look at the sample source."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from public_sets import draw_labels, read_intents

import metafuse
from metafuse.encoders.text import TextEncoder
from metafuse.encoders.text_models import DEFAULT_MODEL, find_text_model

THREADS = 2
TRUTH = Path(__file__).parent.parent / "tasks" / "new_dept" / "truth.csv"


def measure_warm_adapt(data: Path) -> Callable[[int], Mapping[str, float]]:
    """Prepare to time `metafuse adapt --source banking77 --labels FILE`, whole process on two cores.

    Each draw starts with an empty cache, adapts, and adapts again with other labels.
    """
    labels = read_intents("banking77", data).pool_labels

    def measure(seed: int) -> dict[str, float]:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            run_command(["data", "fetch", "banking77", "--from", str(data / "banking77")], folder)
            seconds = []
            for draw in (seed, seed + 1000):
                pairs = draw_labels(labels, 10, draw).items()
                pd.DataFrame(pairs, columns=["id", "label"]).to_csv(folder / "labels.csv", index=False)
                adapt = ["adapt", "--source", "banking77", "--labels", str(folder / "labels.csv")]
                seconds.append(run_command([*adapt, "--out", str(folder / "run")], folder))
        return dict(zip(["cold, seconds", "warm, seconds"], seconds, strict=True))

    return measure


def run_command(arguments: list[str], folder: Path) -> float:
    """Run `metafuse` on two cores with its cache and data under a folder; seconds from start to end."""
    environment = os.environ | {
        "OMP_NUM_THREADS": str(THREADS),
        "METAFUSE_CACHE_DIR": str(folder / "cache"),
        "XDG_DATA_HOME": str(folder / "data"),
    }
    pinned = ["taskset", "-c", "0,1"] if shutil.which("taskset") else []
    start = time.perf_counter()
    subprocess.run(
        [*pinned, sys.executable, "-m", "metafuse", *arguments], env=environment, check=True, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - start


def measure_text_speed(data: Path) -> Callable[[int], Mapping[str, float]]:
    """Prepare to time the text encoder and plain sentence-transformers in turns, on the same texts and threads."""
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(THREADS)
    texts = read_intents("banking77", data).pool["text"].tolist()
    plain = SentenceTransformer(str(find_text_model(DEFAULT_MODEL)), device="cpu", local_files_only=True)
    encoder = TextEncoder()
    plain.encode(texts[:64])
    encoder.encode(texts[:64])

    def measure(seed: int) -> dict[str, float]:
        start = time.perf_counter()
        ours = encoder.encode(texts).matrix
        middle = time.perf_counter()
        theirs = plain.encode(texts, normalize_embeddings=True, show_progress_bar=False)
        end = time.perf_counter()
        return {
            "rows per second": len(texts) / (middle - start),
            "rows per second, plain": len(texts) / (end - middle),
            "times as fast": (end - middle) / (middle - start),
            "largest cosine distance": float(np.max(1 - np.sum(ours * theirs, axis=1))),
        }

    return measure


def measure_new_dept(seed: int) -> dict[str, float]:
    """Hidden reasons found as clusters, ranks of the planted anomalies, and the cold run of the whole process.

    Beside them: k-means with the true number of groups and an isolation forest, both on the run's embeddings.
    """
    from sklearn.cluster import KMeans
    from sklearn.ensemble import IsolationForest

    with tempfile.TemporaryDirectory() as scratch:
        seconds = run_command(
            ["adapt", "--source", "new_dept", "--seed", str(seed), "--out", f"{scratch}/run"], Path(scratch)
        )
        run = metafuse.load(f"{scratch}/run", cache_dir=Path(scratch) / "cache")
        found = run.cluster()
        anomalies = run.anomalies(limit=len(found))["id"].tolist()
        embedding = run.embed("new_dept")
    truth = pd.read_csv(TRUTH).set_index("return_id").loc[found["id"]]
    reasons = truth["reason"].where(truth["kind"] == "normal", "").to_numpy()
    hidden = sorted(set(reasons) - set(run.classes) - {""})
    is_anomaly = (truth["kind"] == "anomaly").to_numpy()
    result: dict[str, float] = {"cold, seconds": seconds}
    forest = IsolationForest(random_state=seed).fit(embedding).score_samples(embedding)
    plain = KMeans(len(run.classes) + len(hidden), n_init=10, random_state=seed).fit_predict(embedding)
    for suffix, clusters, order in (
        ("", np.where(found["is_new"], found["cluster"], -1), [found["id"].tolist().index(row) for row in anomalies]),
        (", plain", plain, np.argsort(forest)),
    ):
        for number, reason in enumerate(hidden, start=1):
            purity, recall = match_cluster(clusters, reasons == reason)
            result |= {f"purity {number}{suffix}": purity, f"recall {number}{suffix}": recall}
        ranks = 1 + np.flatnonzero(is_anomaly[np.asarray(order)])
        result[f"anomalies in the top 20{suffix}"] = int(np.sum(ranks <= 20))
        result[f"rank of the last anomaly{suffix}"] = int(ranks.max())
    return result


def match_cluster(clusters: np.ndarray, is_member: np.ndarray) -> tuple[float, float]:
    """Purity and recall of the cluster that holds most of a group; -1 is no cluster."""
    names, counts = np.unique(clusters[is_member & (clusters >= 0)], return_counts=True)
    if len(names) == 0:
        return 0.0, 0.0
    inside = clusters == names[counts.argmax()]
    return float(is_member[inside].mean()), float(inside[is_member].mean())
