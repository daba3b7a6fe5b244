"""Frozen text features of the public sets that meta-training is measured on, and draws of labels from them."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from public_sets import read_intents

from metafuse.encoders.text import TextEncoder
from metafuse.features import encode_values, open_cache

SYSTEMS = ("BGL", "HDFS", "Hadoop", "Linux", "OpenSSH", "Windows")
MOST_QUERIES = 50


@dataclass(frozen=True)
class Rows:
    """Frozen, L2-normalised features of some rows, and their labels."""

    x: np.ndarray
    labels: np.ndarray

    def where(self, mask: np.ndarray) -> "Rows":
        """Keep the rows of a mask."""
        return Rows(self.x[mask], self.labels[mask])


def embed(texts: pd.Series, cache_dir: Path | None) -> np.ndarray:
    encoder = TextEncoder("all-MiniLM-L6-v2", device="cpu")
    x, _ = encode_values(encoder, texts.tolist(), str, open_cache(cache_dir))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def read_clinc(data: Path, cache_dir: Path | None) -> tuple[Rows, Rows, np.ndarray, np.ndarray]:
    """Train and test rows of CLINC150, and the domain of each."""
    split = read_intents("clinc150", data)
    domains = json.loads((data / "clinc150" / "domains.json").read_text(encoding="utf-8"))
    domain_of = {intent: domain for domain, intents in domains.items() for intent in intents}
    train_rows = Rows(embed(split.pool["text"], cache_dir), split.pool_labels.to_numpy())
    test_rows = Rows(embed(split.unseen["text"], cache_dir), split.unseen_labels)
    return (
        train_rows,
        test_rows,
        *(np.array([domain_of[label] for label in each.labels]) for each in (train_rows, test_rows)),
    )


def read_banking(data: Path, cache_dir: Path | None) -> tuple[Rows, Rows]:
    """Train and test rows of BANKING77."""
    split = read_intents("banking77", data)
    unseen = Rows(embed(split.unseen["text"], cache_dir), split.unseen_labels)
    return Rows(embed(split.pool["text"], cache_dir), split.pool_labels.to_numpy()), unseen


def read_system(name: str, data: Path, cache_dir: Path | None) -> Rows:
    """Log lines of one system, each distinct one once."""
    table = pd.read_csv(data / "loghub" / name / f"{name}_2k.log_structured.csv").drop_duplicates("Content")
    return Rows(embed(table["Content"].astype(str), cache_dir), table["EventId"].to_numpy(dtype=str))


def halve(rows: Rows, k_shot: int, seed: int) -> tuple[Rows, Rows]:
    """Draw k rows a class to label and up to 50 others to ask for, of classes that have more than k."""
    generator = np.random.default_rng(seed)
    pool, query = [], []
    for label in np.unique(rows.labels):
        own = generator.permutation(np.flatnonzero(rows.labels == label))
        if len(own) > k_shot:
            pool.append(own[:k_shot])
            query.append(own[k_shot : k_shot + MOST_QUERIES])
    return (Rows(rows.x[at], rows.labels[at]) for at in (np.concatenate(pool), np.concatenate(query)))
