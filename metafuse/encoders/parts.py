"""Parts: the blocks of features a column becomes, and what encodes each of them.

Most columns are one part. A video is two, its frames and its sound; so is a PDF, its text and its pages. Texts, log
lines and PDFs share the text encoder, so that a query in words and a class's name compare with all of them; pictures,
frames and pages share the image encoder, sounds the audio encoder. Series, vectors and places have encoders that are
fitted on the source.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from metafuse.cleaning.base import Cleaner
from metafuse.columns.places import place_pairs
from metafuse.encoders import AUDIO_ENCODERS, FITTED_ENCODERS, IMAGE_ENCODERS, READERS, WRAPPING_ENCODERS
from metafuse.encoders.base import Encoder
from metafuse.encoders.models import BACKBONE
from metafuse.encoders.series_steps import SeriesReader
from metafuse.encoders.text import TextEncoder
from metafuse.schema import TABULAR, Column, Modality, Schema
from metafuse.sources.media import Media, MediaError

log = logging.getLogger(__name__)

Read = Callable[[object, Media], str | bytes]
"""Cell -> what the encoder takes; raises `MediaError` for a cell that cannot be read."""


@dataclass(frozen=True)
class Kind:
    """One block of features of a modality.

    Args:
        suffix: Of the block's name, where a column has several.
        modality: Of the features.
        wrapping: Encoder around the shared one of that modality; None for the shared one itself.
    """

    suffix: str
    modality: Modality
    wrapping: str | None = None


FITTED_IN_WORDS = {
    Modality.SERIES: "MiniRocket",
    Modality.VECTOR: "standardised numbers",
    Modality.GEO: "sphere and nearness features",
}
TABLE = "table"
TABLE_IN_WORDS = "skrub/scikit-learn"

KINDS: Mapping[Modality, tuple[Kind, ...]] = {
    Modality.TEXT: (Kind("", Modality.TEXT),),
    Modality.DOCUMENT: (Kind("", Modality.TEXT, "document"),),
    Modality.LOG: (Kind("", Modality.TEXT, "log"),),
    Modality.PDF: (Kind(" (text)", Modality.TEXT, "pdf text"), Kind(" (pages)", Modality.IMAGE, "pdf pages")),
    Modality.IMAGE: (Kind("", Modality.IMAGE),),
    Modality.AUDIO: (Kind("", Modality.AUDIO),),
    Modality.VIDEO: (
        Kind(" (frames)", Modality.IMAGE, "video frames"),
        Kind(" (sound)", Modality.AUDIO, "video sound"),
    ),
}
"""Modality of a column -> its blocks; the modalities in `FITTED_ENCODERS` have one, fitted on the source."""


@dataclass(frozen=True)
class Part:
    """One block of features of a source.

    Args:
        key: Its name in `Features`.
        columns: Columns of the source it is made of; two for a place whose coordinates stand apart.
        modality: Of the features.
        encoder: What encodes it.
        read: Cell, or the tuple of cells of several columns, to what the encoder takes.
    """

    key: str
    columns: tuple[str, ...]
    modality: Modality
    encoder: Encoder
    read: Read


def shared_encoders(schema: Schema, models: Mapping[str, str], device: str) -> dict[str, Encoder]:
    """Build the encoders that columns share: modality of the features -> encoder.

    Args:
        schema: Which column is what.
        models: "text", "image", "audio" -> name or folder of the model.
        device: Where they run, as torch names it.
    """
    builders = {Modality.TEXT: _text_encoder, Modality.IMAGE: _image_encoder, Modality.AUDIO: _audio_encoder}
    needed = {kind.modality for column in schema.columns for kind in KINDS.get(column.modality, ())}
    return {str(kind): build(models[kind], device) for kind, build in builders.items() if kind in needed}


def build_parts(
    schema: Schema, shared: Mapping[str, Encoder], fitted: Mapping[str, Any], cleaner: Cleaner
) -> tuple[Part, ...]:
    """List the parts of a source's columns, in the source's order.

    Args:
        schema: Which column is what.
        shared: What `shared_encoders` built.
        fitted: What `fit_encoders` fitted.
        cleaner: Says how series are read.
    """
    parts = []
    for column in schema.columns:
        read = _reader(column, cleaner)
        for kind in KINDS.get(column.modality, ()):
            encoder = shared[kind.modality]
            if kind.wrapping is not None:
                encoder = WRAPPING_ENCODERS.build(kind.wrapping, encoder)
            parts.append(Part(column.name + kind.suffix, (column.name,), kind.modality, encoder, read))
        columns = _fitted_columns(schema, column)
        key = ", ".join(columns)
        if key in fitted:
            parts.append(Part(key, columns, column.modality, fitted[key], read))
    return tuple(parts)


def fit_encoders(frame: pd.DataFrame, schema: Schema, media: Media, cleaner: Cleaner) -> dict[str, Any]:
    """Fit the encoders of series, vectors and places on a source's rows.

    Returns:
        Key of the part -> frozen dataclass; a column without a readable value has none, which is logged.
    """
    fitted = {}
    for column in schema.columns:
        columns = _fitted_columns(schema, column)
        if not columns:
            continue
        cells = [cell for cell in cells_of(frame, columns) if cell is not None]
        values = list(_readable(cells, _reader(column, cleaner), media))
        if values:
            fitted[", ".join(columns)] = FITTED_ENCODERS.build(column.modality, values)
        elif cells:
            log.warning(
                "column '%s' is left out: none of its %s cells can be read as %s; '%.40s' is the first",
                ", ".join(columns), f"{len(cells):,}", column.modality, cells[0],
            )  # fmt: skip
    return fitted


def describe_encoders(schema: Schema, models: Mapping[str, str]) -> dict[str, tuple[list[str], str]]:
    """Say what encodes what: modality of the features -> the columns, and the model or method in words."""
    found: dict[str, tuple[list[str], str]] = {}
    for column in schema.columns:
        what = [(kind.modality, models[kind.modality]) for kind in KINDS.get(column.modality, ())]
        if column.modality in FITTED_IN_WORDS:
            what.append((column.modality, FITTED_IN_WORDS[column.modality]))
        for modality, words in what:
            found.setdefault(str(modality), ([], words))[0].append(column.name)
    table = schema.named(*TABULAR)
    found = {str(modality): found[modality] for modality in Modality if modality in found}
    return found | ({TABLE: (table, TABLE_IN_WORDS)} if table else {})


def cells_of(frame: pd.DataFrame, columns: tuple[str, ...]) -> np.ndarray:
    """Cells of some rows as objects, None where blank; tuples where there are several columns.

    A column the rows lack is blank in each.
    """
    cells = [frame[name].to_numpy(dtype=object) if name in frame else np.full(len(frame), None) for name in columns]
    joined = np.full(len(frame), None)
    for row, values in enumerate(zip(*cells, strict=True)):
        if not all(is_blank(value) for value in values):
            joined[row] = values[0] if len(values) == 1 else values
    return joined


def is_blank(value: object) -> bool:
    """Tell whether a cell holds nothing: None, NaN, or a text of spaces."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return True
    return bool(pd.api.types.is_scalar(value) and pd.isna(value))


def _fitted_columns(schema: Schema, column: Column) -> tuple[str, ...]:
    """Columns of the fitted part that begins at a column; none where no such part does."""
    if str(column.modality) not in FITTED_ENCODERS.names():
        return ()
    pairs = place_pairs(schema.named(Modality.GEO))
    pair = next((pair for pair in pairs if column.name in pair), (column.name,))
    return pair if column.name == pair[0] else ()


def _readable(cells: Sequence[object], read: Read, media: Media) -> Iterator[str | bytes]:
    for cell in cells:
        try:
            yield read(cell, media)
        except MediaError:  # told again, row by row, when the cells are encoded
            continue


def _reader(column: Column, cleaner: Cleaner) -> Read:
    if column.modality in (Modality.IMAGE, Modality.VIDEO, Modality.PDF):
        return _read_file
    if column.modality is Modality.SERIES:
        return SeriesReader(cleaner.series_rule(column.name))
    return READERS.get(column.modality) if column.modality in READERS.names() else _read_text


def _read_file(cell: object, media: Media) -> bytes:
    return media.read(cell)


def _read_text(cell: object, media: Media) -> str:
    return str(cell)


def _text_encoder(model: str, device: str) -> Encoder:
    return TextEncoder(model, device=device)


def _image_encoder(model: str, device: str) -> Encoder:
    if model == "handcrafted":
        return IMAGE_ENCODERS.build(model)  # type: ignore[no-any-return]
    if (Path(model) / f"{BACKBONE}.json").is_file():
        return IMAGE_ENCODERS.build("meta-trained", Path(model), device=device)  # type: ignore[no-any-return]
    return IMAGE_ENCODERS.build("transformers", model, device=device)  # type: ignore[no-any-return]


def _audio_encoder(model: str, device: str) -> Encoder:
    if model == "statistics":
        return AUDIO_ENCODERS.build(model)  # type: ignore[no-any-return]
    return AUDIO_ENCODERS.build("transformers", model, device=device)  # type: ignore[no-any-return]
