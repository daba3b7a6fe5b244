"""Stored files: on disk or in a zip, listed and opened in the same way."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import Protocol, runtime_checkable

from metafuse.errors import SourceError
from metafuse.sources.base import Quarantined
from metafuse.sources.media import Media

_CLUTTER = {"thumbs.db", "desktop.ini", "__macosx"}


@runtime_checkable
class StoredFile(Protocol):
    """A file that can be opened as often as needed."""

    @property
    def name(self) -> str:
        """Its path, relative to the source, for messages."""
        ...

    def open(self) -> BufferedIOBase:
        """Open it for reading from the start."""
        ...


@dataclass(frozen=True)
class Listing:
    """The files of a tree.

    Args:
        names: Paths relative to the tree, sorted.
        quarantine: What was found there and may not be read.
    """

    names: tuple[str, ...]
    quarantine: tuple[Quarantined, ...]


@runtime_checkable
class Tree(Protocol):
    """Files in folders: on disk or in a zip."""

    @property
    def name(self) -> str:
        """Short name for folders and titles."""
        ...

    def hash(self) -> str:
        """Hash everything in it."""
        ...

    def listing(self) -> Listing:
        """List the files, without hidden ones and the clutter that operating systems leave."""
        ...

    def file(self, name: str) -> StoredFile:
        """Take one of the listed files."""
        ...

    def media(self, folder: str, archives: Iterable[str]) -> Media:
        """Open the files that cells name, starting from a folder of the tree, then in its zips."""
        ...


@dataclass(frozen=True)
class DiskFile:
    """A file on disk."""

    path: Path

    @property
    def name(self) -> str:
        """Its file name."""
        return self.path.name

    def open(self) -> BufferedIOBase:
        """Open it for reading from the start.

        Raises:
            SourceError: it is missing or may not be read.
        """
        try:
            return self.path.open("rb")
        except OSError as err:
            raise SourceError(
                f"'{self.path}' cannot be read: {err.strerror}. Check the path and its permissions."
            ) from err


@dataclass(frozen=True)
class DiskTree:
    """A folder on disk.

    Args:
        root: The folder; links that lead out of it are refused.
    """

    root: Path

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.root.resolve().name

    def hash(self) -> str:
        """Hash every file's name and content."""
        digest = hashlib.sha256()
        for name in self.listing().names:
            digest.update(f"{name}\0{hash_file(self.file(name))}\n".encode())
        return digest.hexdigest()

    def listing(self) -> Listing:
        """List the files; links that lead out of the folder are quarantined."""
        names: list[str] = []
        refused: list[Quarantined] = []
        root = self.root.resolve()
        for folder, subfolders, files in os.walk(root):
            subfolders[:] = sorted(name for name in subfolders if not is_clutter(name))
            linked = [name for name in subfolders if (Path(folder) / name).is_symlink()]
            for name in linked + sorted(name for name in files if not is_clutter(name)):
                path = Path(folder) / name
                relative = path.relative_to(root).as_posix()
                if name in linked:
                    refused.append(
                        Quarantined(relative, None, f"{relative} is a link to a folder, which is not followed")
                    )
                elif not path.resolve().is_relative_to(root):
                    refused.append(Quarantined(relative, None, f"{relative} is a link that leaves the source's folder"))
                else:
                    names.append(relative)
        return Listing(tuple(sorted(names)), tuple(refused))

    def file(self, name: str) -> DiskFile:
        """Take one of the listed files."""
        return DiskFile(self.root / name)

    def media(self, folder: str, archives: Iterable[str]) -> Media:
        """Open the files that cells name, starting from a folder of the tree, then in its zips."""
        return Media(self.root / folder, tuple(self.root / name for name in archives))


def is_clutter(name: str) -> bool:
    """Tell whether a file or folder is hidden or left behind by an operating system or an editor."""
    return name.startswith((".", "~$")) or name.lower() in _CLUTTER


def hash_file(file: StoredFile) -> str:
    """Hash a file's content."""
    digest = hashlib.sha256()
    for chunk in read_chunks(file):
        digest.update(chunk)
    return digest.hexdigest()


def read_chunks(file: StoredFile) -> Iterator[bytes]:
    """Read a file in pieces of a megabyte."""
    with file.open() as stream:
        while chunk := stream.read(2**20):
            yield chunk
