"""The public sets of the benchmarks, read from a folder that holds one folder a set, and draws of labels from them."""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.io import loadmat

UNSEEN_SHARE = 0.35


@dataclass(frozen=True)
class Split:
    """Rows to adapt to and rows that come later.

    Args:
        pool: Rows of the source, without their labels.
        pool_labels: Their labels, under the same index.
        unseen: Rows that are not in the source.
        unseen_labels: Their labels, in order.
        out_of_scope: Rows of no class, where the set has some.
    """

    pool: pd.DataFrame
    pool_labels: pd.Series
    unseen: pd.DataFrame
    unseen_labels: np.ndarray
    out_of_scope: pd.DataFrame | None = None


@dataclass(frozen=True)
class Catalogue:
    """A multimodal set that has no split of its own.

    Args:
        rows: Cells that may be used; images as the bytes of their files.
        labels: Of each row.
        groups: Rows of one group stay on one side of a split.
    """

    rows: pd.DataFrame
    labels: pd.Series
    groups: pd.Series


@dataclass(frozen=True)
class _CatalogueFile:
    archive: str
    images: tuple[str, ...]
    label: str
    group: str
    unused: tuple[str, ...]
    fewest_rows: int
    folder: str | None = None
    """Where it is not the set's own name."""


CATALOGUES = {
    # department and product_type are the label in two parts; product_id ties the variants of a product together.
    "luma_catalog": _CatalogueFile(
        "images_256px.zip", ("image",), "category", "product_id", ("department", "product_type"), 18
    ),
    "appimage_catalog": _CatalogueFile(
        "images.zip", ("icon", "screenshot"), "category", "app", ("all_categories",), 10
    ),
    # The first code point: a person and the same person with something in hand.
    "emoji_catalog": _CatalogueFile("images_64px.zip", ("image",), "group", "codes", ("subgroup",), 85),
    "emoji_subgroups": _CatalogueFile(
        "images_64px.zip", ("image",), "subgroup", "codes", ("group",), 10, "emoji_catalog"
    ),
}  # fmt: skip


def read_intents(name: str, data: Path) -> Split:
    """Read BANKING77 or CLINC150 in its published split; CLINC150 with its out-of-scope test rows."""
    if name == "banking77":
        train, test = (pd.read_csv(data / name / f"{part}.csv") for part in ("train", "test"))
        return Split(train[["text"]], train["category"], test[["text"]], test["category"].to_numpy())
    parts = json.loads((data / name / "data_full.json").read_text(encoding="utf-8"))
    train, test, out_of_scope = (
        pd.DataFrame(parts[part], columns=["text", "intent"]) for part in ("train", "test", "oos_test")
    )
    return Split(train[["text"]], train["intent"], test[["text"]], test["intent"].to_numpy(), out_of_scope[["text"]])


def read_catalogue(name: str, data: Path) -> Catalogue:
    """Read a catalogue without the columns that hold its label and without classes too small to split."""
    file = CATALOGUES[name]
    folder = data / (file.folder or name)
    rows = pd.read_csv(folder / "items.csv", dtype={file.group: str})
    rows = rows[rows[file.label].map(rows[file.label].value_counts()) >= file.fewest_rows].reset_index(drop=True)
    with zipfile.ZipFile(folder / file.archive) as archive:
        for column in file.images:
            cells = [None if pd.isna(cell) else archive.read(cell) for cell in rows[column]]
            rows[column] = pd.Series(cells, dtype=object)
    groups = rows[file.group].str.split("-").str[0] if file.group == "codes" else rows[file.group]
    ids = [column for column in ("row_id", "app", "codes") if column in rows]
    dropped = {file.label, file.group, *file.unused, *ids}
    return Catalogue(rows.drop(columns=sorted(dropped & set(rows))), rows[file.label], groups)


def read_digits(data: Path) -> Catalogue:
    """Read the handwritten digits: six views of each, as a column of numbers a view."""
    content = loadmat(data / "multiview" / "Handwritten.mat")
    columns = {f"{view.shape[1]} features": list(view) for view in content["X"].ravel()}
    labels = pd.Series(content["y"].ravel()).astype(str)
    return Catalogue(pd.DataFrame(columns), labels, pd.Series(np.arange(len(labels))))


def split_catalogue(catalogue: Catalogue, seed: int) -> Split:
    """Keep 35 % of each class's groups unseen; a group counts for the class of its first row."""
    generator = np.random.default_rng(seed)
    class_of_group = catalogue.labels.groupby(catalogue.groups, sort=False).first()
    unseen_groups: set[str] = set()
    for label in sorted(class_of_group.unique()):
        groups = class_of_group.index[class_of_group == label].to_numpy()
        unseen_groups.update(generator.permutation(groups)[: round(UNSEEN_SHARE * len(groups))])
    unseen = catalogue.groups.isin(unseen_groups)
    pool, later = catalogue.rows[~unseen].reset_index(drop=True), catalogue.rows[unseen].reset_index(drop=True)
    pool_labels = catalogue.labels[~unseen].reset_index(drop=True)
    return Split(pool, pool_labels, later, catalogue.labels[unseen].to_numpy())


def draw_labels(labels: pd.Series, k_shot: int, seed: int) -> dict[int, str]:
    """Draw k labels of each class, or all it has, as row id -> label."""
    generator = np.random.default_rng(seed)
    rows = []
    for label in sorted(labels.unique()):
        own = np.flatnonzero(labels == label)
        rows.append(generator.choice(own, min(k_shot, len(own)), replace=False))
    return {int(row): str(labels[row]) for row in np.concatenate(rows)}
