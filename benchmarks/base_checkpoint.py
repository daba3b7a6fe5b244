"""Whether a base checkpoint helps sources it has never seen: `python benchmarks/base_checkpoint.py --data DIR`.

Each family of sources (CLINC150, BANKING77, four systems of loghub, three catalogues) is left out in turn. `columns`
is meta-trained on the others, and `metafuse.adapt` with learner `auto` is measured on the left-out one with
that checkpoint as its base and without: same labels, same unseen rows, `gain` is the paired difference. The weights are
those of the last step: the best validation is often that of the start, with which there is nothing to measure.
"""

import argparse
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from main_job import average_classes
from public_sets import CATALOGUES, Split, draw_labels, read_catalogue, read_intents, split_catalogue
from records import RESULTS, append_record

import metafuse
from metafuse.features import open_cache
from metafuse.learners.episodic_spec import LearnerSpec
from metafuse.meta_training.checkpoint import Checkpoint, save_checkpoint
from metafuse.meta_training.loop import meta_train_sources
from metafuse.meta_training.settings import MetaTrainingSettings
from metafuse.meta_training.sources import COLUMNS, TrainingSource, modality_dims, read_training_source
from metafuse.task import EpisodeSizes

INTENTS = ("clinc150", "banking77")
SYSTEMS = ("BGL", "HDFS", "Hadoop", "OpenSSH")
"""Of loghub, those with nine templates or more that six distinct lines or more are of."""
FEWEST_ROWS = 6
HEAD = {"distance": "cosine", "scale": 15.0, "learn_scale": True}
"""`auto` takes the maps alone. At one shot `whitened` is this with another centre, and costs dim^3 an episode."""
SIZES = EpisodeSizes(n_way=45, k_shot=1, n_query=5, variable_way=True)


def read_rows(name: str, data: Path) -> tuple[pd.DataFrame, pd.Series]:
    """Rows of a source and their labels: what a checkpoint may be trained on."""
    if name in INTENTS:
        split = read_intents(name, data)
        return split.pool, split.pool_labels
    if name in CATALOGUES:
        catalogue = read_catalogue(name, data)
        return catalogue.rows, catalogue.labels
    lines = pd.read_csv(data / "loghub" / name / f"{name}_2k.log_structured.csv").drop_duplicates("Content")
    lines = lines[lines["EventId"].map(lines["EventId"].value_counts()) >= FEWEST_ROWS].reset_index(drop=True)
    return lines[["Content"]].astype(str), lines["EventId"]


def read_source(name: str, args: argparse.Namespace) -> TrainingSource:
    """All rows of a source, ready for episodes."""
    rows, labels = read_rows(name, args.data)
    cache = open_cache(args.cache_dir)
    source = read_training_source(rows.assign(label=labels), COLUMNS, {}, cache, device="cpu")
    return replace(source, pools={split: replace(pool, name=name) for split, pool in source.pools.items()})


def read_split(name: str, data: Path, k_shot: int, seed: int) -> Split:
    """Rows of a left-out source to adapt to, and rows that come later."""
    if name in INTENTS:
        return read_intents(name, data)
    if name in CATALOGUES:
        return split_catalogue(read_catalogue(name, data), seed)
    rows, labels = read_rows(name, data)
    generator = np.random.default_rng(seed)
    place = pd.Series(generator.permutation(len(rows))).groupby(labels.to_numpy()).rank(method="first")
    size = labels.map(labels.value_counts())
    is_pool = (place <= np.maximum(k_shot, size // 2)).to_numpy()
    pool, pool_labels = rows[is_pool].reset_index(drop=True), labels[is_pool].reset_index(drop=True)
    return Split(pool, pool_labels, rows[~is_pool], labels[~is_pool].to_numpy())


def train(sources: Mapping[str, TrainingSource], args: argparse.Namespace, out: Path) -> None:
    """Meta-train on sources and write the checkpoint."""
    read = list(sources.values())
    settings = MetaTrainingSettings(
        outer_steps=args.steps, n_tasks=1, pull=args.pull, warm_up=20, eval_every=100, n_val_episodes=200, patience=0
    )
    spec = LearnerSpec("prototypical", COLUMNS, HEAD, {"dims": modality_dims(read)})
    done = meta_train_sources(spec, read, SIZES, settings)
    encoders = {modality: each for source in read for modality, each in source.encoders.items()}
    sizes, weights = SIZES.model_dump(), done.weights
    save_checkpoint(out, Checkpoint(spec, weights, encoders, tuple(sources), sizes, settings, done.history), done)
    print("trained on", *sources, done.history[0].in_words(), done.history[-1].in_words(), sep="\n  ", flush=True)


def measure(name: str, base: Path, k_shot: int, seed: int, args: argparse.Namespace) -> dict[str, float]:
    """Accuracy on unseen rows with the base and without, and of nearest prototype on the plain embeddings."""
    split = read_split(name, args.data, k_shot, seed)
    labels = draw_labels(split.pool_labels, k_shot, seed)
    found = {}
    for metric, start in (("measured", base), ("without a base", None)):
        run = metafuse.adapt(split.pool, labels, base=start, seed=seed, cache_dir=args.cache_dir)
        found[metric] = float(np.mean(run.predict(split.unseen)["label"].to_numpy() == split.unseen_labels))
    classes, prototypes = average_classes(run.embed(split.pool.loc[list(labels)]), np.array(list(labels.values())))
    nearest = classes[(run.embed(split.unseen) @ prototypes.T).argmax(axis=1)]
    found["nearest prototype"] = float(np.mean(nearest == split.unseen_labels))
    return found | {"gain": found["measured"] - found["without a base"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache-dir", type=Path)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--pull", type=float, default=0.03)
    parser.add_argument("--out", type=Path, default=RESULTS / "meta_learning.jsonl")
    args = parser.parse_args()
    families = {name: (name,) for name in (*INTENTS, *CATALOGUES)} | {"loghub": SYSTEMS}
    names = [name for members in families.values() for name in members]
    ready = {name: read_source(name, args) for name in names}
    found: dict[tuple[str, int], list[dict[str, float]]] = {}
    for family, members in families.items():
        with tempfile.TemporaryDirectory() as folder:
            base = Path(folder) / "base"
            train({name: each for name, each in ready.items() if name not in members}, args, base)
            for k in (1, 5):
                draws = [[measure(name, base, k, seed, args) for name in members] for seed in range(args.draws)]
                found[family, k] = [average(each) for each in draws]
                record(family, k, found[family, k], args.out)
    for k in (1, 5):
        each_seed = zip(*(found[family, k] for family in families), strict=True)
        record("mean of six families left out", k, [average(each) for each in each_seed], args.out)


def average(found: list[dict[str, float]] | tuple[dict[str, float], ...]) -> dict[str, float]:
    """Mean of each metric."""
    return {metric: float(np.mean([each[metric] for each in found])) for metric in found[0]}


def record(what: str, k_shot: int, draws: list[dict[str, float]], out: Path) -> None:
    """Add a row to the results, and print it."""
    setting = {"what": f"adapt with a base checkpoint, {what}, {k_shot} shot", "protocol": "unseen rows"}
    done = append_record(out, setting, draws, command="python benchmarks/base_checkpoint.py --data DIR")
    said = {
        name: f"{100 * each['mean']:.2f} ± {100 * each['half_width']:.2f}" for name, each in done["metrics"].items()
    }
    print(what, k_shot, said, flush=True)


if __name__ == "__main__":
    main()
