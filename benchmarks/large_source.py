"""Adapt to 100,000 rows of text, image and 20 columns: `python benchmarks/large_source.py --data DIR`.

DIR holds the public sets clinc150, emoji_catalog and grocery_store. A row is a query of CLINC150 with an order number
(so that all texts differ), a picture out of 7,074, twelve numbers, six categories and two dates, some of which follow
the intent. Ten labels of each of the 10 domains, or five of each of the 150 intents. The first adapt fills the feature
cache; the next ones, each with other labels, are timed as whole processes on two cores, with their peak memory.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
from process import THREADS
from public_sets import draw_labels, read_intents
from records import RESULTS, append_record

import metafuse

N_ROWS = 100_000
K_SHOT = {"domains": 10, "intents": 5}


def write_source(data: Path, folder: Path) -> dict[str, pd.Series]:
    """Write rows.parquet and its pictures; "domains" and "intents" of each row, by row id."""
    generator = np.random.default_rng(0)
    split = read_intents("clinc150", data)
    texts = np.concatenate([split.pool["text"], split.unseen["text"]])
    intents = np.concatenate([split.pool_labels, split.unseen_labels])
    pictures = []
    for archive in (data / "emoji_catalog" / "images_64px.zip", data / "grocery_store" / "images_128px.zip"):
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(folder)
            pictures += sorted(name for name in opened.namelist() if name.endswith((".png", ".jpg")))
    drawn = generator.integers(0, len(texts), N_ROWS)
    codes, classes = pd.factorize(intents[drawn], sort=True)
    frame = pd.DataFrame({"id": np.arange(N_ROWS)})
    numbers = generator.integers(100_000, 999_999, N_ROWS)
    frame["query"] = [f"{texts[at]} (order {number})" for at, number in zip(drawn, numbers, strict=True)]
    near = codes * len(pictures) // len(classes) + generator.integers(0, len(pictures) // 4, N_ROWS)
    frame["picture"] = np.array(pictures, dtype=object)[near % len(pictures)]
    for column in range(12):
        signal = generator.normal(size=len(classes))[codes] if column < 4 else 0.0
        frame[f"number_{column}"] = np.round(signal + generator.normal(size=N_ROWS), 4)
    for column in range(6):
        of_class = generator.integers(0, 12, len(classes))[codes]
        is_noise = generator.random(N_ROWS) < (0.5 if column < 2 else 1.0)
        values = np.where(is_noise, generator.integers(0, 12, N_ROWS), of_class)
        frame[f"kind_{column}"] = np.char.add("kind ", values.astype(str))
    for column in ("opened", "closed"):
        frame[column] = pd.Timestamp("2025-01-01") + pd.to_timedelta(generator.integers(0, 365 * 86_400, N_ROWS), "s")
    frame.to_parquet(folder / "rows.parquet", index=False)
    domains = json.loads((data / "clinc150" / "domains.json").read_text(encoding="utf-8"))
    domain_of = {intent: domain for domain, own in domains.items() for intent in own}
    labels = pd.Series(classes[codes])
    return {"domains": labels.map(domain_of), "intents": labels}


def adapt(folder: Path, cache: Path, labels: pd.Series, k_shot: int, seed: int) -> dict[str, float]:
    """Seconds and peak memory of `metafuse adapt`, the whole process, on two cores."""
    pairs = draw_labels(labels, k_shot, seed)
    pd.DataFrame(pairs.items(), columns=["id", "label"]).to_csv(folder / "labels.csv", index=False)
    command = [sys.executable, "-m", "metafuse", "adapt", "--source", str(folder / "rows.parquet")]
    command += ["--labels", str(folder / "labels.csv"), "--out", str(folder / "run"), "--cache-dir", str(cache)]
    pinned = ["taskset", "-c", "0,1"] if shutil.which("taskset") else []
    start = time.perf_counter()
    child = os.posix_spawnp([*pinned, *command][0], [*pinned, *command], os.environ | {"OMP_NUM_THREADS": str(THREADS)})
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - start
    if status:
        sys.exit("adapt failed; its message is above.")
    found = pd.read_csv(folder / "run" / "predictions.csv").set_index("id")["label"]
    rest = labels.drop(index=list(pairs))
    return {
        "seconds": seconds,
        "seconds, without the report": sum(metafuse.load(folder / "run").metrics["timings"].values()),
        "peak memory, GiB": usage.ru_maxrss / 2**20,
        "pool accuracy": float((found.loc[rest.index] == rest).mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the public sets")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--cache-dir", type=Path, required=True, help="feature cache, filled by the first adapt")
    parser.add_argument("--results", type=Path, default=RESULTS / "fusion.jsonl")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        kinds = write_source(args.data, folder)
        print("cold", adapt(folder, args.cache_dir, kinds["domains"], 10, 1000))
        for kind, k_shot in K_SHOT.items():
            draws = []
            for seed in range(args.draws):
                draws.append(adapt(folder, args.cache_dir, kinds[kind], k_shot, seed))
                print(kind, seed, draws[-1])
            setting = {
                "what": "large_source",
                "set": f"100,000 rows, {kinds[kind].nunique()} classes",
                "k_shot": k_shot,
            }
            command = "python benchmarks/large_source.py --data DIR --cache-dir CACHE"
            append_record(args.results, setting, draws, command=command)


if __name__ == "__main__":
    main()
