"""Datasets of the Hugging Face hub, of a folder written by `save_to_disk`, or in memory."""

import hashlib
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pyarrow as pa

from metafuse.errors import ConfigError, SourceError
from metafuse.sources.base import BATCH_ROWS, Dataset, Rows, Source, check_columns, collect
from metafuse.sources.cells import plain_batch
from metafuse.sources.media import Media

log = logging.getLogger(__name__)

_ADDRESS = re.compile(r"hf://(?P<path>[\w.-]+/[\w.-]+)(/(?P<config>[\w.-]+))?(\?(?P<query>.*))?")


@dataclass(frozen=True, eq=False)
class DatasetSource(Source):
    """A `datasets` dataset, streamed or whole; images and sounds stay undecoded, class numbers become names.

    Args:
        name: Short name for folders and titles.
        dataset: A `datasets.Dataset` or `IterableDataset`.
        version: What identifies its rows.
        media: Opens images that are stored as paths.
        max_rows: Most rows to take; None for all.
    """

    name: str
    dataset: Any
    version: str
    media: Media
    max_rows: int | None = None

    @property
    def fingerprint(self) -> str:
        """Hash of where the rows come from and their version."""
        return hashlib.sha256(f"{self.version}{self.max_rows}".encode()).hexdigest()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows in record batches.

        Raises:
            SourceError: the hub cannot be reached any more.
        """
        from datasets import Audio, ClassLabel, Image

        dataset = self.dataset if self.max_rows is None else self.dataset.take(self.max_rows)
        features = dataset.features or {}
        for column, feature in features.items():
            if isinstance(feature, (Image, Audio)):
                dataset = dataset.cast_column(column, type(feature)(decode=False))
        class_names = {column: each.names for column, each in features.items() if isinstance(each, ClassLabel)}
        try:
            for table in dataset.with_format("arrow").iter(batch_size=BATCH_ROWS):
                for batch in _name_classes(table, class_names).combine_chunks().to_batches():
                    yield plain_batch(batch)
        except OSError as err:
            raise SourceError(
                f"dataset '{self.name}' stopped being readable ({err}). Check the network and retry."
            ) from err

    def read(self) -> Dataset:
        """Read every row.

        Raises:
            SourceError: there is no row, or the hub cannot be reached any more.
        """
        return collect(self.name, Rows(self.batches()), self.media)


def read_hub(url: str, split: str | None, name: str | None, max_rows: int | None = None) -> DatasetSource:
    """Open `hf://owner/name[/config][?split=train]` as a stream; code that comes with a dataset is never run.

    Raises:
        ConfigError: the address is not of this form.
        SourceError: there is no such dataset, config or split, or the hub cannot be reached.
    """
    import datasets

    match = _ADDRESS.fullmatch(url)
    query = parse_qs(match["query"] or "") if match else {}
    if match is None or not query.keys() <= {"split"}:
        raise ConfigError(
            f"'{url}' should read hf://owner/name, hf://owner/name/config or hf://owner/name?split=train."
        )
    split = query["split"][0] if "split" in query else split
    try:
        dataset = datasets.load_dataset(match["path"], match["config"], streaming=True)
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as err:
        raise SourceError(
            f"'{url}' cannot be read from the Hugging Face hub: {str(err).rstrip('.')}. "
            "If this machine is offline, download the dataset elsewhere, write it with Dataset.save_to_disk(folder) or "
            "as Parquet, and name that folder or file as the source."
        ) from err
    split, chosen = _choose_split(dataset, split, url)
    version = f"{match['path']}/{match['config']}?split={split}"
    return DatasetSource(name or match["path"].split("/")[1], chosen, version, Media(files=False), max_rows)


def is_saved_dataset(folder: Path) -> bool:
    """Tell whether `save_to_disk` wrote this folder."""
    return (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file()


def read_saved(folder: Path, split: str | None, name: str | None, max_rows: int | None = None) -> DatasetSource:
    """Open a folder that `save_to_disk` wrote.

    Raises:
        SourceError: it is damaged, or the split is not there.
    """
    import datasets

    try:
        dataset = datasets.load_from_disk(str(folder))
    except (OSError, ValueError, KeyError, pa.ArrowException) as err:
        raise SourceError(f"'{folder}' should be a dataset written by save_to_disk: {err}. Write it again.") from err
    split, chosen = _choose_split(dataset, split, str(folder))
    return DatasetSource(
        name or folder.resolve().name, chosen, f"{split}{chosen._fingerprint}", Media(folder), max_rows
    )


def read_dataset(source: object, name: str, split: str | None, media: Media) -> DatasetSource | None:
    """Take an object for a `datasets` dataset, if it is one; None otherwise.

    Raises:
        SourceError: it has several splits and none was chosen.
    """
    datasets = sys.modules.get("datasets")  # an object of a library that nobody imported cannot be passed in
    if datasets is None:
        return None
    if isinstance(source, (datasets.DatasetDict, datasets.IterableDatasetDict)):
        source = _choose_split(source, split, name)[1]
    if not isinstance(source, (datasets.Dataset, datasets.IterableDataset)):
        return None
    check_columns(list(source.column_names or []), f"source '{name}'")
    return DatasetSource(name, source, str(getattr(source, "_fingerprint", name)), media)


def _choose_split(dataset: Any, split: str | None, where: str) -> tuple[str, Any]:
    if not isinstance(dataset, Mapping):
        return "", dataset
    if split is None and len(dataset) > 1 and "train" in dataset:
        log.info("'%s' has the splits %s; reading train", where, ", ".join(dataset))
    chosen = split or ("train" if "train" in dataset else next(iter(dataset)))
    if chosen not in dataset or (split is None and chosen != "train" and len(dataset) > 1):
        wanted = f"has no split '{split}'; it" if split else "needs a split to be named, as it"
        raise SourceError(f"'{where}' {wanted} has {', '.join(dataset)}. Set split to one of these.")
    return chosen, dataset[chosen]


def _name_classes(table: pa.Table, class_names: Mapping[str, list[str]]) -> pa.Table:
    for column, names in class_names.items():
        # datasets writes -1 where a label is withheld
        values = [None if value is None or value < 0 else names[value] for value in table[column].to_pylist()]
        table = table.set_column(table.column_names.index(column), column, pa.array(values, pa.string()))
    return table
