"""Embedder: the encoders of a source's columns, from raw rows to features."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from metafuse.cleaning.base import Cleaner
from metafuse.encoders.models import torch_device
from metafuse.encoders.parts import TABLE, Part, build_parts, cells_of, fit_encoders, shared_encoders
from metafuse.encoders.tabular import TabularEncoder, fit_tabular
from metafuse.errors import ArtifactError, SchemaError
from metafuse.features import FeatureCache, Features, encode_values
from metafuse.rows import Rows
from metafuse.schema import LEARNABLE, TABULAR, Modality, Schema
from metafuse.sources.base import Quarantined
from metafuse.sources.labels import text_key
from metafuse.sources.media import Media

OnProgress = Callable[[str, int, int], None]
"""Called with a stage in words, the number of items done and their total."""


@dataclass(frozen=True)
class EmbedderSpec:
    """All that rebuilds an embedder; saved with a run.

    Args:
        schema: Which column is what.
        models: "text", "image", "audio" -> name or folder of the model that encodes it, for those the source has.
        fingerprints: The same keys -> fingerprint of the encoder that made the run's features.
        fitted: Block of features -> encoder fitted on the source: series, vectors and places.
        table: Fitted encoder of the tabular columns; None where there are none.
        cleaner: Cleans rows before they are encoded.
    """

    schema: Schema
    models: Mapping[str, str]
    fingerprints: Mapping[str, str]
    fitted: Mapping[str, Any]
    table: TabularEncoder | None
    cleaner: Cleaner


class Embedder:
    """Turns rows into features: a matrix for each part of a column, and one for the table.

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
        self._shared = shared_encoders(spec.schema, spec.models, torch_device(device))
        self._parts = build_parts(spec.schema, self._shared, spec.fitted, spec.cleaner)
        for modality, encoder in self._shared.items():
            expected = spec.fingerprints[modality]
            if encoder.fingerprint != expected:
                raise ArtifactError(
                    f"the {modality} encoder is not the one this run was made with: expected {expected}, "
                    f"got {encoder.fingerprint}. Install the same model, or adapt again."
                )

    def encode(self, rows: Rows, on_progress: OnProgress | None = None) -> tuple[Features, list[Quarantined]]:
        """Encode rows, which `spec.cleaner` has cleaned.

        Returns:
            Features, and the cells that could not be encoded, which count as missing.
        Raises:
            SchemaError: the rows have none of the columns the embedder knows.
        """
        names = self.spec.schema.named(*LEARNABLE)
        if not any(name in rows.frame for name in names):
            raise SchemaError(
                f"expected rows with at least one of the columns {', '.join(names)}; got "
                f"{', '.join(map(str, rows.frame))}. Name their columns as in the source that was adapted to."
            )
        matrices, present, modalities = {}, {}, {}
        quarantine: dict[Quarantined, None] = {}  # a file that cannot be read fails in each of its parts alike
        for part in self._parts:
            cells = cells_of(rows.frame, part.columns)
            matrix, mask, failed = self._encode_cells(cells, part, rows.media, on_progress)
            matrices[part.key], present[part.key], modalities[part.key] = matrix, mask, part.modality
            column = ", ".join(part.columns)
            quarantine |= {Quarantined(text_key(rows.ids[at]), column, why): None for at, why in failed.items()}
        if self.spec.table is not None:
            encoded = self.spec.table.encode(rows.frame)
            matrices[TABLE], present[TABLE], modalities[TABLE] = encoded.matrix, encoded.present, Modality.NUMERIC
            quarantine |= {
                Quarantined(f"{count} rows", name, "no number or date could be read; counted as missing"): None
                for name, count in encoded.unreadable.items()
            }
        return Features(matrices, present, modalities), list(quarantine)

    def encode_query(
        self, *, text: Sequence[str] = (), images: Sequence[bytes] = (), sounds: Sequence[bytes] = ()
    ) -> Features:
        """Encode texts, or image or sound files, as rows that have nothing else.

        Every part of that modality gets them: the frames of a video are compared with an image, its sound with a sound.

        Raises:
            SchemaError: the source has no such column, or a file cannot be decoded.
        """
        given = {Modality.TEXT: text, Modality.IMAGE: images, Modality.AUDIO: sounds}
        modality, values = next((kind, values) for kind, values in given.items() if values)
        if modality not in self._shared:
            raise SchemaError(
                f"this run has no {modality} column to compare with. Search by --row or by another query."
            )
        query = Part("query", ("query",), modality, self._shared[modality], _as_it_is)
        matrix, mask, failed = self._encode_cells(_objects(values), query, Media(), None)
        if failed:
            raise SchemaError(f"the {modality} to search for {next(iter(failed.values()))}. Choose another one.")
        return self._only(modality, matrix, mask)

    def _only(self, modality: Modality, matrix: np.ndarray, mask: np.ndarray) -> Features:
        dims = {part.key: part.encoder.dim for part in self._parts}
        modalities = {part.key: part.modality for part in self._parts}
        if self.spec.table is not None:
            dims[TABLE], modalities[TABLE] = self.spec.table.dim, Modality.NUMERIC
        asked = {key for key, kind in modalities.items() if kind is modality}
        return Features(
            {
                key: matrix if key in asked else np.zeros((len(matrix), dim), dtype=np.float32)
                for key, dim in dims.items()
            },
            {key: mask if key in asked else np.zeros(len(mask), dtype=bool) for key in dims},
            modalities,
        )

    def _encode_cells(
        self, cells: np.ndarray, part: Part, media: Media, on_progress: OnProgress | None
    ) -> tuple[np.ndarray, np.ndarray, dict[int, str]]:
        filled = np.flatnonzero([cell is not None for cell in cells])
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            if on_progress is not None:
                on_progress(f"encoding {part.key}", done, len(filled))

        read = partial(_read, part, media)
        encoded, failures = encode_values(part.encoder, cells[filled].tolist(), read, self._cache, advance)
        matrix = np.zeros((len(cells), part.encoder.dim), dtype=np.float32)
        matrix[filled] = encoded
        # A zero row says that the value has nothing of this kind, as a video without sound.
        return matrix, np.asarray(matrix.any(axis=1)), {int(filled[at]): reason for at, reason in failures.items()}


def fit_embedder(
    rows: Rows,
    schema: Schema,
    cache: FeatureCache,
    *,
    models: Mapping[str, str],
    cleaner: Cleaner = Cleaner(()),  # noqa: B008 - frozen
    device: str = "auto",
) -> Embedder:
    """Build the embedder of a source, and fit on its rows what is fitted.

    Args:
        rows: Of the source, cleaned.
        schema: Which column is what.
        cache: Where features are kept between runs.
        models: "text", "image", "audio" -> name or folder of the model; those the source has no column for are left
            out of the spec.
        cleaner: What cleaned the rows, and will clean new ones.
        device: "cpu", "cuda" or "auto".
    """
    shared = shared_encoders(schema, models, torch_device(device))
    spec = EmbedderSpec(
        schema,
        {modality: models[modality] for modality in shared},
        {modality: encoder.fingerprint for modality, encoder in shared.items()},
        fit_encoders(rows.frame, schema, rows.media, cleaner),
        fit_tabular(rows.frame, schema.columns) if schema.named(*TABULAR) else None,
        cleaner,
    )
    return Embedder(spec, cache, device=device)


def _read(part: Part, media: Media, cell: object) -> str | bytes:
    return part.read(cell, media)


def _as_it_is(cell: object, media: Media) -> str | bytes:
    assert isinstance(cell, str | bytes)
    return cell


def _objects(values: Sequence[object]) -> np.ndarray:
    cells = np.empty(len(values), dtype=object)
    cells[:] = values
    return cells
