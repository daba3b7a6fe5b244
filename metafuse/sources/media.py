"""Files that rows point to: found under the source's root or in its zip, read with bounds."""

import io
import os
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import cast

import numpy as np

MAX_FILE_BYTES = 256 * 2**20
MAX_RATIO = 200
"""Most bytes a zip member may hold for each byte stored, once it is over a megabyte."""

_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")


class MediaError(Exception):
    """One cell's file cannot be used; the text is the quarantine reason. Never leaves the package."""


@dataclass(frozen=True)
class Media:
    """Opens the file a cell names.

    Args:
        root: Folder that relative paths start from and that none may leave; None when the rows
            were handed over in memory, whose paths are the caller's own.
        archives: Zip files searched after the root, in order; with no root, the only place searched.
        prefix: Folder inside the archives that paths start from, with a closing slash.
        files: False for rows that come from afar, such as a database: their cells name no files here.
    """

    root: Path | None = None
    archives: tuple[Path, ...] = ()
    prefix: str = ""
    files: bool = True

    def read(self, value: object) -> bytes:
        """Return the bytes behind a cell: a path, raw bytes, or an in-memory image.

        Raises:
            MediaError: the file is missing, too large, or outside the source's root.
        """
        if isinstance(value, Mapping):
            value = value.get("path") if value.get("bytes") is None else value["bytes"]
        if isinstance(value, (bytes, bytearray, memoryview)):
            return bytes(value)
        if isinstance(value, (str, Path)):
            return self._read_path(str(value))
        if isinstance(value, np.ndarray):
            return _encode_array(value)
        if hasattr(value, "convert") and hasattr(value, "save"):
            return _encode_image(value)
        if value is None:
            raise MediaError("holds neither the bytes nor the path of a file")
        raise MediaError(f"a value of type {type(value).__name__} is neither a path, bytes nor an image")

    def _read_path(self, text: str) -> bytes:
        if _URL.match(text):
            raise MediaError(f"{_shorten(text)} is a URL, and URLs in rows are never fetched")
        if "\0" in text:
            raise MediaError("the path holds a zero byte")
        if not self.files:
            raise MediaError(f"{_shorten(text)} is a path, but this source has no files")
        if self.root is None and not self.archives:
            return _read_file(Path(text), text)
        name = text.replace("\\", "/")
        if name.startswith("/") or ".." in PurePosixPath(name).parts:
            raise MediaError(f"{_shorten(text)} leaves the source's folder")
        found = _find_under(self.root, name) if self.root is not None else None
        if found is not None:
            return _read_file(found, name)
        return self._read_archived(str(PurePosixPath(name)))

    def _read_archived(self, name: str) -> bytes:
        for path in self.archives:
            archive = open_archive(path)
            for member in dict.fromkeys((self.prefix + name, name)):
                if member in archive.NameToInfo:
                    with open_member(archive, member, MAX_FILE_BYTES) as stream:
                        return read_member(stream, member)
        raise MediaError(f"{_shorten(name)} is missing")


def open_archive(path: Path) -> zipfile.ZipFile:
    """Open a zip for reading, once per process and version of the file.

    Raises:
        MediaError: it is missing or not a zip.
    """
    try:
        # The process is part of the key: after a fork, parent and child would share one file position.
        return _open_archive(path, path.stat().st_mtime_ns, os.getpid())
    except (OSError, zipfile.BadZipFile) as err:
        raise MediaError(f"{path.name} cannot be read as a zip ({err})") from err


@lru_cache(maxsize=32)
def _open_archive(path: Path, mtime_ns: int, process_id: int) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)


def open_member(archive: zipfile.ZipFile, member: str, max_bytes: int) -> zipfile.ZipExtFile:
    """Open one file of a zip, unless it would unpack to more than is reasonable.

    Raises:
        MediaError: the member is too large, looks like a zip bomb, is encrypted or stored in an unknown way.
    """
    info = archive.getinfo(member)
    if info.file_size > max_bytes:
        raise MediaError(f"{member} unpacks to {info.file_size:,} bytes, more than the {max_bytes:,} allowed")
    if info.file_size > 2**20 and info.file_size > MAX_RATIO * max(info.compress_size, 1):
        raise MediaError(f"{member} unpacks to over {MAX_RATIO} times its stored size, as a zip bomb does")
    try:
        return cast(zipfile.ZipExtFile, archive.open(info))
    except (RuntimeError, NotImplementedError, zipfile.BadZipFile) as err:
        raise MediaError(f"{member} cannot be unpacked ({err})") from err


def read_member(stream: zipfile.ZipExtFile, member: str) -> bytes:
    """Read an opened zip member.

    Raises:
        MediaError: its bytes are damaged.
    """
    try:
        return stream.read()
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as err:
        raise MediaError(f"{member} is damaged in its zip ({err})") from err


def _find_under(root: Path, name: str) -> Path | None:
    try:
        path = (root / name).resolve()
        if not path.is_relative_to(root.resolve()):
            raise MediaError(f"{_shorten(name)} leaves the source's folder")
        return path if path.exists() else None
    except OSError:  # a name no file can have, such as a long text
        return None


def _read_file(path: Path, name: str) -> bytes:
    try:
        if not path.is_file():
            raise MediaError(f"{_shorten(name)} is {'not a file' if path.exists() else 'missing'}")
        size_bytes = path.stat().st_size
        if size_bytes > MAX_FILE_BYTES:
            raise MediaError(f"{_shorten(name)} has {size_bytes:,} bytes, more than the {MAX_FILE_BYTES:,} allowed")
        return path.read_bytes()
    except OSError as err:
        raise MediaError(f"{_shorten(name)} cannot be read ({err.strerror})") from err


def _encode_array(array: np.ndarray) -> bytes:
    from PIL import Image

    try:
        return _encode_image(Image.fromarray(array))
    except (TypeError, ValueError) as err:
        raise MediaError(
            f"an array of {array.dtype} with shape {array.shape} is not an image; "
            "one has type uint8 and shape (height, width) or (height, width, 3)"
        ) from err


def _encode_image(image: object) -> bytes:
    from PIL import Image

    if not isinstance(image, Image.Image):
        raise MediaError(f"a value of type {type(image).__name__} is neither a path, bytes nor an image")
    kept = image if image.mode in {"1", "L", "LA", "P", "RGB", "RGBA", "I;16"} else image.convert("RGB")
    buffer = io.BytesIO()
    try:
        kept.save(buffer, format="PNG")
    except (OSError, ValueError) as err:
        raise MediaError(f"the image cannot be read ({err})") from err
    return buffer.getvalue()


def _shorten(text: str) -> str:
    return text if len(text) <= 120 else f"{text[:117]}..."
