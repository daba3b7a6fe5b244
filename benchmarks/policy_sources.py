"""Sources that the adaptation policy is learned on, one modality of one public set each, and episodes of them.

CLINC150 and BANKING77 give their training rows only: the benchmarks measure on the test rows.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from public_sets import CATALOGUES, draw_labels, read_catalogue, read_intents

from metafuse.adaptation import columns_by_modality
from metafuse.embedder import fit_embedder
from metafuse.features import Features, open_cache
from metafuse.fusion.base import Fusion
from metafuse.fusion.early import equal_weights, fit_early_fusion
from metafuse.fusion.reduced import reduce_fusion
from metafuse.preparation import prepare
from metafuse.schema import Modality
from metafuse.task import open_any

LOGS = ("BGL", "HDFS", "Hadoop", "Linux", "OpenSSH", "Windows")
FEWEST_ROWS = 8
"""A class with fewer has too few to label one and to test on others."""

WAYS = (15, 30, 60)
MOST_UNSEEN = 20
MOST_QUERIES = 500
POOLS = (10_000, 10_000, 40, 15)
"""Bounds on the unlabelled rows a class, one of them per episode."""

UNBALANCED, NAMED = 0.4, 0.65
"""Shares of episodes whose classes differ in labels and rows, and whose class names are known."""


@dataclass(frozen=True)
class PublicSource:
    """One modality of a set.

    Args:
        family: Sources of one kind, held out together.
        name: Of the set and the modality.
        features: All rows.
        class_index: Their classes.
        class_shots: The classes' names as rows; None where they are no words.
        domains: Classes that belong together, where the set says so.
    """

    family: str
    name: str
    features: Features
    class_index: np.ndarray
    class_shots: Features | None
    domains: tuple[np.ndarray, ...] = ()


@dataclass(frozen=True)
class Episode:
    """A source drawn from another: labelled rows, a pool, and rows to predict, half of them in the pool."""

    family: str
    source: str
    k_shot: int
    fusion: Fusion
    support: Features
    class_index: np.ndarray
    pool: Features
    class_shots: Features | None
    queries: Features
    truth: np.ndarray


def read_sources(data: Path, cache_dir: Path | None) -> list[PublicSource]:
    """Read and encode every set."""
    found = []
    for name in ("clinc150", "banking77"):
        split = read_intents(name, data)
        found += encode_source(name, name, split.pool, split.pool_labels, cache_dir)
    classes = np.unique(read_intents("clinc150", data).pool_labels)
    domains = json.loads((data / "clinc150" / "domains.json").read_text(encoding="utf-8"))
    found[0] = replace(found[0], domains=tuple(np.searchsorted(classes, intents) for intents in domains.values()))
    for name in LOGS:
        rows = pd.read_csv(data / "loghub" / name / f"{name}_2k.log_structured.csv").drop_duplicates("Content")
        found += encode_source("logs", name, rows[["Content"]], rows["EventId"], cache_dir, named=False)
    for name in CATALOGUES:
        catalogue = read_catalogue(name, data)
        found += encode_source("catalogues", name, catalogue.rows, catalogue.labels, cache_dir)
    found += read_handwritten(data / "multiview" / "Handwritten.mat")
    return found


def encode_source(
    family: str, name: str, rows: pd.DataFrame, labels: pd.Series, cache_dir: Path | None, *, named: bool = True
) -> list[PublicSource]:
    """Encode a table as `adapt` does; a source a modality, those of images and tables in families of their own."""
    kept = labels.map(labels.value_counts()) >= FEWEST_ROWS
    rows, labels = rows[kept].reset_index(drop=True), labels[kept].reset_index(drop=True)
    prepared = prepare(open_any(rows), draw_labels(labels, 5, 0), None, 0)
    embedder = fit_embedder(
        prepared.rows,
        prepared.schema,
        open_cache(cache_dir),
        models={"text": "all-MiniLM-L6-v2", "image": "handcrafted"},
    )
    features, _ = embedder.encode(prepared.rows)
    classes, class_index = np.unique(labels.astype(str), return_inverse=True)
    words = [label.replace("_", " ").replace("/", " ") for label in classes]
    found = []
    for modality, columns in columns_by_modality(features).items():
        in_text = modality == "text"
        shots = embedder.encode_query(text=words).columns(columns) if in_text and named else None
        kind = family if in_text else {"image": "images"}.get(modality, "tables")
        found.append(PublicSource(kind, f"{name} {modality}", features.columns(columns), class_index, shots))
    return found


def read_handwritten(path: Path) -> list[PublicSource]:
    """Read the views of the handwritten digits, standardised."""
    from scipy.io import loadmat

    content = loadmat(path)
    class_index = np.unique(content["Y" if "Y" in content else "y"].ravel(), return_inverse=True)[1]
    found = []
    for place, view in enumerate(content["X"].ravel()):
        matrix = view.toarray() if hasattr(view, "toarray") else view
        matrix = matrix if len(matrix) == len(class_index) else matrix.T
        matrix = ((matrix - matrix.mean(axis=0)) / np.maximum(matrix.std(axis=0), 1e-9)).astype(np.float32)
        features = Features({"table": matrix}, {"table": np.ones(len(matrix), dtype=bool)}, {"table": Modality.NUMERIC})
        found.append(PublicSource("digits", f"digits {place}", features, class_index, None))
    return found


def draw_episode(source: PublicSource, k_shot: int, generator: np.random.Generator) -> Episode:
    """Draw classes, and of each unseen rows, labelled rows and a pool."""
    classes = _draw_classes(source, generator)
    unbalanced, most = generator.random() < UNBALANCED, int(generator.choice(POOLS))
    named = source.class_shots is not None and generator.random() < NAMED
    n_way = len(classes)
    share = generator.dirichlet(np.ones(n_way)) if unbalanced else np.ones(n_way)
    share = share / share.max()
    extra = generator.dirichlet(np.full(n_way, 2.0)) if unbalanced else np.full(n_way, 1 / n_way)
    labels = 1 + (generator.multinomial((k_shot - 1) * n_way, extra) if unbalanced else np.full(n_way, k_shot - 1))
    support, pool, unseen = [], [], []
    for place, label in enumerate(classes):
        rows = generator.permutation(np.flatnonzero(source.class_index == label))
        n_unseen = min(max(2, len(rows) // 3), MOST_UNSEEN)
        n_labelled = min(labels[place], max(1, (len(rows) - n_unseen) // 2))
        rest = rows[n_unseen + n_labelled :][:most]
        unseen.append(rows[: max(1, round(share[place] * n_unseen))])
        support.append(rows[n_unseen : n_unseen + n_labelled])
        pool.append(rest[: max(1, round(share[place] * len(rest)))])
    class_index = np.repeat(np.arange(n_way), [len(rows) for rows in support])
    hidden = np.concatenate(pool)
    features = source.features.take(np.concatenate([*support, hidden]))
    fusion = reduce_fusion(fit_early_fusion(features, equal_weights(features, list(features.matrices))), features, 0)
    asked = [generator.permutation(rows)[: MOST_QUERIES // 2] for rows in (np.concatenate(unseen), hidden)]
    queries = np.concatenate(asked)
    queries = queries[fusion.forward(source.features.take(queries)).any(axis=1)]
    place_of = np.argsort(np.concatenate([classes, np.setdiff1d(np.arange(source.class_index.max() + 1), classes)]))
    return Episode(
        source.family, source.name, k_shot, fusion, source.features.take(np.concatenate(support)), class_index,
        source.features.take(hidden), source.class_shots.take(classes) if named else None,
        source.features.take(queries), place_of[source.class_index[queries]],
    )  # fmt: skip


def _draw_classes(source: PublicSource, generator: np.random.Generator) -> np.ndarray:
    n_classes = int(source.class_index.max()) + 1
    if source.domains and generator.random() < 0.5:
        return source.domains[int(generator.integers(len(source.domains)))]
    n_way = int(generator.choice(WAYS)) if n_classes > max(WAYS) else n_classes
    return generator.permutation(n_classes)[:n_way]
