"""Features of the multimodal public sets, as plain blocks, and draws of rows from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from public_sets import read_catalogue
from scipy.io import loadmat

from metafuse.encoders.base import Encoder
from metafuse.encoders.image_handcrafted import HandcraftedImageEncoder
from metafuse.encoders.tabular import fit_tabular
from metafuse.encoders.text import TextEncoder
from metafuse.features import FeatureCache, Features, encode_values
from metafuse.fusion.early import normalise
from metafuse.schema import Column, Modality

BLOCKS: Mapping[str, Mapping[Modality, Sequence[str]]] = {
    "luma_catalog": {
        Modality.TEXT: ("name", "description"),
        Modality.IMAGE: ("image",),
        Modality.NUMERIC: ("price",),
        Modality.CATEGORICAL: ("color", "material", "pattern", "climate", "style"),
    },
    "emoji_catalog": {
        Modality.TEXT: ("name", "keywords"),
        Modality.IMAGE: ("image",),
        Modality.NUMERIC: ("emoji_version", "n_codepoints"),
    },
    "appimage_catalog": {
        Modality.TEXT: ("name", "comment", "summary", "description"),
        Modality.IMAGE: ("icon", "screenshot"),
        Modality.NUMERIC: ("n_localized_names",),
        Modality.CATEGORICAL: ("license", "terminal", "signed", "has_github"),
    },
}
TABLE = "table"
VIEWS = ("FAC", "FOU", "KAR", "MOR", "PIX", "ZER")
SETS = (*BLOCKS, "handwritten")


@dataclass(frozen=True)
class Blocks:
    """Features of a set.

    Args:
        features: One block a text or image column or view, one for the table.
        class_index: Class of each row.
        names: Of the classes.
        groups: Rows of one group stay on one side of a split.
    """

    features: Features
    class_index: np.ndarray
    names: tuple[str, ...]
    groups: np.ndarray


def read_blocks(name: str, data: Path, cache: FeatureCache) -> Blocks:
    """Read a set and encode it with the default encoders."""
    if name == "handwritten":
        return _read_views(data)
    catalogue = read_catalogue(name, data)
    encoders: dict[Modality, Encoder] = {
        Modality.TEXT: TextEncoder("all-MiniLM-L6-v2", device="cpu"),
        Modality.IMAGE: HandcraftedImageEncoder(),
    }
    matrices, present, modalities = {}, {}, {}
    for modality, encoder in encoders.items():
        for column in BLOCKS[name][modality]:
            matrices[column], present[column] = _encode(encoder, catalogue.rows[column], cache)
            modalities[column] = modality
    table = [
        Column(column, modality, "") for modality, columns in BLOCKS[name].items() for column in columns
        if modality not in encoders
    ]  # fmt: skip
    encoded = fit_tabular(catalogue.rows, table).encode(catalogue.rows)
    matrices[TABLE], present[TABLE], modalities[TABLE] = encoded.matrix, encoded.present, Modality.NUMERIC
    names, index = np.unique(catalogue.labels.to_numpy(str), return_inverse=True)
    features = Features(matrices, present, modalities)
    return Blocks(features, index.astype(np.int64), tuple(names.tolist()), catalogue.groups.to_numpy(str))


def _encode(encoder: Encoder, cells: pd.Series, cache: FeatureCache) -> tuple[np.ndarray, np.ndarray]:
    there = cells.notna().to_numpy(copy=True)
    read = str if encoder.modality == "text" else bytes
    encoded, failures = encode_values(encoder, cells[there].tolist(), read, cache)
    matrix = np.zeros((len(cells), encoder.dim), dtype=np.float32)
    matrix[there] = encoded
    there[np.flatnonzero(there)[list(failures)]] = False
    return matrix, there


def _read_views(data: Path) -> Blocks:
    cells = loadmat(data / "multiview" / "Handwritten.mat")
    digits = cells["y"].ravel().astype(np.int64)
    matrices = {}
    for name, view in zip(VIEWS, cells["X"].ravel(), strict=True):
        values = view.astype(np.float64)
        matrices[name] = normalise(((values - values.mean(axis=0)) / (values.std(axis=0) + 1e-8)).astype(np.float32))
    n_rows = len(digits)
    present = {name: np.ones(n_rows, dtype=bool) for name in VIEWS}
    features = Features(matrices, present, dict.fromkeys(VIEWS, Modality.VECTOR))
    names, index = np.unique(digits, return_inverse=True)
    return Blocks(features, index.astype(np.int64), tuple(map(str, names)), np.arange(n_rows).astype(str))


def hold_out(groups: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Draw a share of the groups; which rows are theirs."""
    names = np.unique(groups)
    drawn = np.random.default_rng(seed).permutation(names)[: round(share * len(names))]
    return np.isin(groups, drawn)


def draw_shots(class_index: np.ndarray, pool: np.ndarray, shots: Mapping[int, int], seed: int) -> np.ndarray:
    """Draw rows of the pool to label, as many of each class as asked for, or all there are."""
    generator = np.random.default_rng(seed)
    drawn = [generator.permutation(np.flatnonzero(pool & (class_index == c)))[:k] for c, k in sorted(shots.items())]
    return np.concatenate(drawn)
