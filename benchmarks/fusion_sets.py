"""The sets of `fusion.py` as features, encoded once, and draws of their rows and labels."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from public_sets import Catalogue, draw_labels, read_catalogue, read_digits, split_catalogue

import metafuse
from metafuse.encoders.vector import fit_vector, read_vector
from metafuse.features import Features
from metafuse.schema import Modality
from metafuse.sources.media import Media

SETS = ("luma_catalog", "emoji_catalog", "handwritten", "emoji_subgroups", "appimage_catalog")


@dataclass(frozen=True)
class Encoded:
    """A set as features.

    Args:
        features: Of all rows.
        catalogue: Row numbers, labels and groups.
        class_shots: The classes' names; None where they are digits.
    """

    features: Features
    catalogue: Catalogue
    class_shots: Features | None


@dataclass(frozen=True)
class Draw:
    """One split of a set with its labels.

    Args:
        source: Rows that are adapted to.
        class_index: Class of each, -1 where unlabelled.
        rows: Rows that come later.
        truth: Their classes.
    """

    source: Features
    class_index: np.ndarray
    rows: Features
    truth: np.ndarray


def encode_set(name: str, data: Path, cache_dir: Path | None) -> Encoded:
    """Read and encode a set."""
    catalogue = read_digits(data) if name == "handwritten" else read_catalogue(name, data)
    numbers = Catalogue(pd.DataFrame({"row": np.arange(len(catalogue.labels))}), catalogue.labels, catalogue.groups)
    if name == "handwritten":
        return Encoded(encode_views(catalogue.rows), numbers, None)
    few = draw_labels(catalogue.labels, 5, 0)
    run = metafuse.adapt(catalogue.rows, few, learner="prototypical", cache_dir=cache_dir)
    names = [" ".join(label.replace("_", " ").replace("/", " ").split()) for label in run.classes]
    return Encoded(run.state.features, numbers, run.embedder.encode_query(text=names))


def encode_views(rows: pd.DataFrame) -> Features:
    """Encode columns of numbers as vectors, which by their values alone some would not be taken for."""
    matrices = {}
    for name in rows:
        values = [read_vector(cell, Media()) for cell in rows[name]]
        matrices[str(name)] = fit_vector(values).encode(values).matrix
    present = {name: np.ones(len(rows), dtype=bool) for name in matrices}
    return Features(matrices, present, dict.fromkeys(matrices, Modality.VECTOR))


def draw(encoded: Encoded, k_shot: int, seed: int) -> Draw:
    """Split a set and draw its labels."""
    split = split_catalogue(encoded.catalogue, seed)
    classes = np.array(sorted(encoded.catalogue.labels.unique()))
    class_index = np.full(len(split.pool), -1)
    for row, label in draw_labels(split.pool_labels, k_shot, seed).items():
        class_index[row] = np.searchsorted(classes, label)
    source, rows = (encoded.features.take(part["row"].to_numpy()) for part in (split.pool, split.unseen))
    return Draw(source, class_index, rows, np.searchsorted(classes, split.unseen_labels.astype(str)))
