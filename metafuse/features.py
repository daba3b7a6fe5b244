"""Features: one matrix per column with a presence mask, computed once and kept in a cache."""

import hashlib
import logging
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs
from jaxtyping import Bool, Float, Int
from safetensors.numpy import load, save

from metafuse.encoders.base import Encoder, Progress
from metafuse.errors import ShapeError, SourceError
from metafuse.schema import Modality
from metafuse.sources.media import MediaError

log = logging.getLogger(__name__)

KEY_BYTES = 16
CHUNK = 4096
"""Values encoded between two writes to the cache: what a kill can cost at most."""


@dataclass(frozen=True)
class Features:
    """Encoded columns of the same items.

    Args:
        matrices: Column (or "table", all tabular columns together) -> (n_items, dim) float32.
        present: The same keys -> which items have that column; absent rows of a matrix are zero.
        modalities: The same keys -> what the column is.
    """

    matrices: Mapping[str, Float[np.ndarray, "_ _"]]
    present: Mapping[str, Bool[np.ndarray, " _"]]
    modalities: Mapping[str, Modality]

    def __post_init__(self) -> None:
        sizes = {name: len(matrix) for name, matrix in self.matrices.items()}
        sizes |= {f"present[{name}]": len(mask) for name, mask in self.present.items()}
        if len(set(sizes.values())) > 1:
            raise ShapeError(f"features need one row per item in every column, got {sizes}.")

    def __len__(self) -> int:
        return len(next(iter(self.present.values()), ()))

    def take(self, rows: Int[np.ndarray, " n"] | Bool[np.ndarray, " n_items"]) -> "Features":
        """Select items by position or by mask."""
        return Features(
            {name: matrix[rows] for name, matrix in self.matrices.items()},
            {name: mask[rows] for name, mask in self.present.items()},
            self.modalities,
        )

    def columns(self, names: Sequence[str]) -> "Features":
        """Keep only these columns."""
        return Features(
            {name: self.matrices[name] for name in names},
            {name: self.present[name] for name in names},
            {name: self.modalities[name] for name in names},
        )


class FeatureCache:
    """Features of values already encoded, on disk, in one folder per encoder.

    A folder holds segments: pairs of a small keys file and a safetensors file of features, named by
    the hash of the features' bytes and put in place by rename, keys last. A killed process loses at
    most the chunk it was encoding; a damaged segment does not match its name, is reported, and its
    values are encoded anew.

    Args:
        folder: Where the cache lives; made when first written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(
        self, fingerprint: str, rows: Mapping[bytes, int], matrix: Float[np.ndarray, "n dim"]
    ) -> Bool[np.ndarray, " n"]:
        """Copy the cached features of these keys into their rows of the matrix.

        Returns:
            Which rows were found.
        """
        found = np.zeros(len(matrix), dtype=bool)
        for keys_path in sorted(self._place(fingerprint).glob("*.keys")):
            keys = keys_path.read_bytes()
            hits = [
                (place, row)
                for place, start in enumerate(range(0, len(keys), KEY_BYTES))
                if (row := rows.get(keys[start : start + KEY_BYTES])) is not None and not found[row]
            ]
            segment = _load_segment(keys_path) if hits else None
            if segment is not None:
                places, targets = np.array(hits).T
                matrix[targets] = segment[places]
                found[targets] = True
        return found

    def write(self, fingerprint: str, keys: Sequence[bytes], matrix: Float[np.ndarray, "n dim"]) -> None:
        """Add a segment.

        Raises:
            SourceError: the disk is full or the folder cannot be written to; what was cached before stays.
        """
        content = save({"features": np.ascontiguousarray(matrix)})
        stem = self._place(fingerprint) / hashlib.sha256(content).hexdigest()
        try:
            stem.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(stem.with_suffix(".safetensors"), content)
            write_atomically(stem.with_suffix(".keys"), b"".join(keys))
        except OSError as err:
            raise SourceError(
                f"the feature cache '{self.folder}' cannot be written to ({err.strerror}). Free some space or choose "
                "another folder with --cache-dir; what is encoded already is kept, and the next run goes on from there."
            ) from err

    def _place(self, fingerprint: str) -> Path:
        return self.folder / hashlib.sha256(fingerprint.encode()).hexdigest()[:24]


def _load_segment(keys_path: Path) -> Float[np.ndarray, "n dim"] | None:
    path = keys_path.with_suffix(".safetensors")
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != path.stem:
        log.warning("cache segment %s is damaged; its values are encoded anew", path.name)
        keys_path.unlink(missing_ok=True)
        return None
    return load(content)["features"]


def open_cache(folder: Path | str | None) -> FeatureCache:
    """Open the feature cache in a folder, or in the user's cache folder."""
    return FeatureCache(Path(folder) if folder is not None else platformdirs.user_cache_path("metafuse"))


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file beside its final name and rename it, so that it is there whole or not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def encode_values(
    encoder: Encoder,
    values: Sequence[object],
    read: Callable[[object], str | bytes],
    cache: FeatureCache,
    progress: Progress | None = None,
) -> tuple[Float[np.ndarray, "n_items dim"], dict[int, str]]:
    """Encode the values of a column, each distinct one once, taking from the cache what it holds.

    Args:
        encoder: Encoder of the column's modality.
        values: The cells, none of them missing.
        read: Cell -> what the encoder takes; raises `MediaError` for a cell that cannot be read.
        cache: Where features are kept between runs, written after every `CHUNK` values.
        progress: Called with the number of distinct values finished.
    Returns:
        float32 features, zero where a value failed, and position -> why it failed.
    """
    keys, failures = _content_keys(values, read)
    rows: dict[bytes, int] = {}
    firsts: list[int] = []
    for position, key in keys.items():
        if key not in rows:
            rows[key] = len(rows)
            firsts.append(position)
    distinct = np.zeros((len(rows), encoder.dim), dtype=np.float32)
    found = cache.fill(encoder.fingerprint, rows, distinct)
    if progress is not None and found.any():
        progress(int(found.sum()))
    row_keys = list(rows)
    failed_rows: dict[int, str] = {}
    for chunk in _chunks(np.flatnonzero(~found)):
        encoded = encoder.encode([read(values[firsts[row]]) for row in chunk], progress)  # type: ignore[arg-type]
        distinct[chunk] = encoded.matrix
        failed_rows |= {int(chunk[at]): reason for at, reason in encoded.failures.items()}
        done = [at for at in range(len(chunk)) if at not in encoded.failures]
        if done:
            cache.write(encoder.fingerprint, [row_keys[row] for row in chunk[done]], encoded.matrix[done])
    matrix = np.zeros((len(values), encoder.dim), dtype=np.float32)
    for position, key in keys.items():
        matrix[position] = distinct[rows[key]]
        if rows[key] in failed_rows:
            failures[position] = failed_rows[rows[key]]
    return matrix, failures


def _content_keys(
    values: Sequence[object], read: Callable[[object], str | bytes]
) -> tuple[dict[int, bytes], dict[int, str]]:
    keys: dict[int, bytes] = {}
    failures: dict[int, str] = {}
    known: dict[str, bytes] = {}  # rows often share a text or a file
    for position, value in enumerate(values):
        key = known.get(value) if isinstance(value, str) else None
        if key is None:
            try:
                content = read(value)
            except MediaError as err:
                failures[position] = str(err)
                continue
            content = content.encode() if isinstance(content, str) else content
            key = hashlib.blake2b(content, digest_size=KEY_BYTES).digest()
            if isinstance(value, str):
                known[value] = key
        keys[position] = key
    return keys, failures


def _chunks(rows: Int[np.ndarray, " n"]) -> Iterator[Int[np.ndarray, " chunk"]]:
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]
