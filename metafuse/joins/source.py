"""A source with others joined to it, read as one."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import pandas as pd
import pyarrow as pa

from metafuse.columns.column_roles import find_label
from metafuse.columns.modality_rules import Facts
from metafuse.encoders.text import TextEncoder
from metafuse.errors import ArtifactError, ConfigError, MissingExtraError
from metafuse.joins.by_key import match_keys
from metafuse.joins.by_meaning import match_meanings
from metafuse.joins.by_place import match_places
from metafuse.joins.by_time import match_times
from metafuse.joins.column_matches import ColumnMatch, match_columns
from metafuse.joins.joining import join_rows
from metafuse.joins.matches import Encode, Matches, Side
from metafuse.joins.spec import JoinSpec
from metafuse.sources.base import Dataset, Source
from metafuse.sources.cells import to_frame
from metafuse.sources.memory import MemorySource

SHOWN = 3


@dataclass(frozen=True)
class Join:
    """A source to join and how."""

    spec: JoinSpec
    source: Source

    @property
    def name(self) -> str:
        """The join's own name, or that of its source."""
        return self.spec.name or self.source.name


@dataclass(frozen=True)
class JoinedSource(Source):
    """Rows of a source with the columns of others; joins apply in order, each to the result of the one before.

    Args:
        name: Short name for folders and titles.
        source: Where the rows come from, each of which stays, once.
        joins: What is joined to them.
        text_model: Reads keys matched by meaning and the names of columns that a join proposes.
    """

    name: str
    source: Source
    joins: tuple[Join, ...]
    text_model: str

    @property
    def fingerprint(self) -> str:
        """Hash of every source's fingerprint and of how they are joined."""
        digest = hashlib.sha256(f"{self.source.fingerprint}{self.text_model}".encode())
        for join in self.joins:
            digest.update(f"{join.name}{join.spec.model_dump_json()}{join.source.fingerprint}".encode())
        return digest.hexdigest()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Join the rows and yield them in record batches."""
        dataset = self.read()
        return MemorySource(self.name, dataset.frame, dataset.media).batches()

    def read(self) -> Dataset:
        """Read the rows of all sources and join them.

        Raises:
            ConfigError: a join names no columns, with those it may mean; or two columns would have one name.
            SchemaError: a join does not fit the columns, or would multiply rows.
        """
        dataset, encode = replace(self.source.read(), name=self.name), self._encode()
        for join in self.joins:
            right = replace(join.source.read(), name=join.source.name)
            if not join.spec.left:
                raise _no_columns(join, _propose(dataset.frame, right.frame, encode))
            dataset = join_rows(dataset, right, join.spec, partial(_match, join=join, encode=encode))
        return dataset

    def propose(self) -> list[dict[str, object]]:
        """Propose columns of the source that match those of each source joined to it, from their first rows.

        Returns:
            One entry a pair: join, left, right, confidence (0..1), why, and whether the join uses it.
        """
        left, encode = _first_rows(self.source), self._encode()
        return [
            {
                "join": join.name,
                "left": found.left,
                "right": found.right,
                "confidence": round(found.confidence, 2),
                "why": found.why,
                "used": (found.left, found.right)
                in [*zip(join.spec.left, join.spec.right or join.spec.left, strict=True)],
            }
            for join in self.joins
            for found in _propose(left, _first_rows(join.source), encode)
        ]

    def _encode(self) -> Encode:
        encoder = TextEncoder(self.text_model)  # loads its model when first used
        return lambda texts: encoder.encode(texts).matrix


def _match(left: Side, right: Side, *, join: Join, encode: Encode) -> Matches:
    spec = join.spec
    # places near are not counted on the way, and a refusal says how many there are
    every = spec.when_several in ("mean", "list") or (spec.by == "place" and spec.when_several == "refuse")
    if spec.by == "time":
        return match_times(left, right, join.name, spec, every=every)
    if spec.by == "place":
        return match_places(left, right, join.name, radius_m=float(spec.radius or 0), every=every)
    if spec.by == "meaning":
        return match_meanings(left, right, threshold=spec.threshold, encode=encode)
    return match_keys(left, right, join.name, every=every)


def _propose(left: pd.DataFrame, right: pd.DataFrame, encode: Encode) -> tuple[ColumnMatch, ...]:
    left, right = _without_label(left), _without_label(right)
    try:
        return match_columns(left, right, encode)
    except (ConfigError, ArtifactError, MissingExtraError):  # no text model here: names and values still tell
        return match_columns(left, right, None)


def _without_label(frame: pd.DataFrame) -> pd.DataFrame:
    """Leave out the column taken for the label: rows joined by it would tell the answer."""
    label = find_label([Facts.of(str(name), frame[name]) for name in frame])
    return frame if label is None else frame.drop(columns=label[0])


def _first_rows(source: Source) -> pd.DataFrame:
    batch = next(iter(source.batches()), None)
    return pd.DataFrame() if batch is None else to_frame(pa.Table.from_batches([batch]))


def _no_columns(join: Join, proposals: tuple[ColumnMatch, ...]) -> ConfigError:
    shown = "; ".join(
        f"left = '{found.left}', right = '{found.right}' (confidence {found.confidence:.2f}: {found.why})"
        for found in proposals[:SHOWN]
    )
    return ConfigError(
        f"join '{join.name}' names no columns to match by. "
        + (f"These may be meant: {shown}. " if shown else "No two columns look alike. ")
        + "Name them under left and right."
    )
