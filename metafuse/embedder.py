"""Embedder: the encoders of a source's columns, from raw rows to features."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from metafuse.encoders import IMAGE_ENCODERS
from metafuse.encoders.base import Encoder
from metafuse.encoders.models import torch_device
from metafuse.encoders.tabular import TabularEncoder, fit_tabular
from metafuse.encoders.text import TextEncoder
from metafuse.errors import ArtifactError, SchemaError
from metafuse.features import FeatureCache, Features, encode_values
from metafuse.rows import Rows
from metafuse.schema import TABULAR, Modality, Schema
from metafuse.sources.base import Quarantined
from metafuse.sources.labels import text_key
from metafuse.sources.media import Media

TABLE = "table"
BACKBONE_FILE = "backbone.json"
"""Tells the folder of a checkpoint from that of a pretrained vision model."""

OnProgress = Callable[[str, int, int], None]
"""Called with a stage in words, the number of items done and their total."""


@dataclass(frozen=True)
class EmbedderSpec:
    """All that rebuilds an embedder; saved with a run.

    Args:
        schema: Which column is what.
        text_model: Name or folder of the text model; None where no column is text.
        image_model: "handcrafted", the name or folder of a vision model, or a checkpoint trained on images; None where
            no column is an image.
        fingerprints: Modality -> fingerprint of the encoder that made the run's features.
        table: Fitted encoder of the tabular columns; None where there are none.
    """

    schema: Schema
    text_model: str | None
    image_model: str | None
    fingerprints: dict[str, str]
    table: TabularEncoder | None


class Embedder:
    """Turns rows into features, one matrix per text or image column and one for the table.

    Args:
        spec: What the columns are and what encodes them.
        cache: Where features are kept between runs.
        device: "cpu", "cuda" or "auto", for the neural encoders.
    Raises:
        ArtifactError: a model is not the one whose features the spec was made with.
    """

    def __init__(self, spec: EmbedderSpec, cache: FeatureCache, *, device: str = "auto") -> None:
        self.spec = spec
        self._cache = cache
        self._encoders = _build_encoders(spec.text_model, spec.image_model, device)
        for modality, encoder in self._encoders.items():
            expected = spec.fingerprints[modality]
            if encoder.fingerprint != expected:
                raise ArtifactError(
                    f"the {modality} encoder is not the one this run was made with: expected {expected}, "
                    f"got {encoder.fingerprint}. Install the same model, or adapt again."
                )

    def encode(self, rows: Rows, on_progress: OnProgress | None = None) -> tuple[Features, list[Quarantined]]:
        """Encode rows.

        Returns:
            Features, and the cells that could not be encoded, which count as missing.
        Raises:
            SchemaError: the rows have none of the columns the embedder knows.
        """
        schema = self.spec.schema
        known = [name for name in schema.named(Modality.TEXT, Modality.IMAGE, *TABULAR) if name in rows.frame]
        if not known:
            expected = ", ".join(schema.named(Modality.TEXT, Modality.IMAGE, *TABULAR))
            raise SchemaError(
                f"expected rows with at least one of the columns {expected}; got {', '.join(map(str, rows.frame))}. "
                "Name their columns as in the source that was adapted to."
            )
        matrices, present, modalities = {}, {}, {}
        quarantine: list[Quarantined] = []
        for column in schema.columns:
            if column.modality not in self._encoders:
                continue
            name = column.name
            cells = rows.frame[name] if name in rows.frame else pd.Series([None] * len(rows), dtype=object)
            matrix, mask, failed = self._encode_cells(cells, column.modality, rows.media, name, on_progress)
            matrices[name], present[name], modalities[name] = matrix, mask, column.modality
            quarantine += [Quarantined(text_key(rows.ids[at]), name, reason) for at, reason in failed.items()]
        if self.spec.table is not None:
            encoded = self.spec.table.encode(rows.frame)
            matrices[TABLE], present[TABLE] = encoded.matrix, encoded.present
            quarantine += [
                Quarantined(f"{count} rows", name, "no number or date could be read; counted as missing")
                for name, count in encoded.unreadable.items()
            ]
            modalities[TABLE] = Modality.NUMERIC
        return Features(matrices, present, modalities), quarantine

    def encode_query(self, *, text: Sequence[str] = (), images: Sequence[bytes] = ()) -> Features:
        """Encode texts, or image files, as rows that have nothing else; every text (image) column gets them.

        Raises:
            SchemaError: the source has no such column, or an image cannot be decoded.
        """
        modality = Modality.TEXT if text else Modality.IMAGE
        values: list[object] = list(text) if text else list(images)
        columns = self.spec.schema.named(modality)
        if not columns:
            raise SchemaError(
                f"this run has no {modality} column to compare with. Search by --row or by another query."
            )
        matrix, mask, failed = self._encode_cells(pd.Series(values, dtype=object), modality, Media(), "query", None)
        if failed:
            raise SchemaError(f"the {modality} to search for {next(iter(failed.values()))}. Choose another one.")
        return self._only(columns, matrix, mask)

    def _only(self, columns: Sequence[str], matrix: np.ndarray, mask: np.ndarray) -> Features:
        matrices, present, modalities = {}, {}, {}
        for column in self.spec.schema.columns:
            if column.modality in self._encoders:
                asked = column.name in columns
                dim = self._encoders[column.modality].dim
                matrices[column.name] = matrix if asked else np.zeros((len(matrix), dim), dtype=np.float32)
                present[column.name] = mask if asked else np.zeros(len(matrix), dtype=bool)
                modalities[column.name] = column.modality
        if self.spec.table is not None:
            matrices[TABLE] = np.zeros((len(matrix), self.spec.table.dim), dtype=np.float32)
            present[TABLE] = np.zeros(len(matrix), dtype=bool)
            modalities[TABLE] = Modality.NUMERIC
        return Features(matrices, present, modalities)

    def _encode_cells(
        self, cells: pd.Series, modality: Modality, media: Media, name: str, on_progress: OnProgress | None
    ) -> tuple[np.ndarray, np.ndarray, dict[int, str]]:
        encoder = self._encoders[modality]
        read = _read_text if modality is Modality.TEXT else media.read
        values = cells.to_numpy(dtype=object)
        filled = np.flatnonzero([not _is_blank(value) for value in values])
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            if on_progress is not None:
                on_progress(f"encoding {name}", done, len(filled))

        encoded, failures = encode_values(encoder, values[filled].tolist(), read, self._cache, advance)
        failed = {int(filled[at]): reason for at, reason in failures.items()}
        matrix = np.zeros((len(values), encoder.dim), dtype=np.float32)
        matrix[filled] = encoded
        mask = np.zeros(len(values), dtype=bool)
        mask[filled] = True
        mask[list(failed)] = False
        return matrix, mask, failed


def fit_embedder(
    rows: Rows, schema: Schema, cache: FeatureCache, *, text_model: str, image_model: str, device: str = "auto"
) -> Embedder:
    """Build the embedder of a source: its encoders by modality, its tabular columns fitted on its rows."""
    text = text_model if schema.named(Modality.TEXT) else None
    image = image_model if schema.named(Modality.IMAGE) else None
    encoders = _build_encoders(text, image, device)
    spec = EmbedderSpec(
        schema,
        text,
        image,
        {modality: encoder.fingerprint for modality, encoder in encoders.items()},
        fit_tabular(rows.frame, schema.columns) if schema.named(*TABULAR) else None,
    )
    return Embedder(spec, cache, device=device)


def _build_encoders(text_model: str | None, image_model: str | None, device: str) -> dict[str, Encoder]:
    encoders: dict[str, Encoder] = {}
    device = torch_device(device)
    if text_model is not None:
        encoders[Modality.TEXT] = TextEncoder(text_model, device=device)
    if image_model == "handcrafted":
        encoders[Modality.IMAGE] = IMAGE_ENCODERS.build("handcrafted")
    elif image_model is not None and (Path(image_model) / BACKBONE_FILE).is_file():
        encoders[Modality.IMAGE] = IMAGE_ENCODERS.build("meta-trained", Path(image_model), device=device)
    elif image_model is not None:
        encoders[Modality.IMAGE] = IMAGE_ENCODERS.build("transformers", image_model, device=device)
    return encoders


def _is_blank(value: object) -> bool:
    if value is None or (isinstance(value, str) and not value.strip()):
        return True
    return bool(pd.api.types.is_scalar(value) and pd.isna(value))


def _read_text(value: object) -> str:
    return str(value)
