"""Zip archives as sources: read member by member, never unpacked to disk."""

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from metafuse.errors import SourceError
from metafuse.sources.base import Quarantined
from metafuse.sources.files import DiskFile, Listing, hash_file, is_clutter
from metafuse.sources.media import Media, MediaError, open_archive, open_member

MAX_TABLE_BYTES = 16 * 2**30
"""Tables are read in a stream, so they may be larger than a photo."""


@dataclass(frozen=True)
class ZipMember:
    """One file of a zip.

    Args:
        archive: The zip.
        member: Its name in the zip.
    """

    archive: Path
    member: str

    @property
    def name(self) -> str:
        """Its name, after that of the zip."""
        return f"{self.archive.name}/{self.member}"

    def open(self) -> zipfile.ZipExtFile:
        """Open it for reading from the start.

        Raises:
            SourceError: it is too large, encrypted or damaged.
        """
        try:
            return open_member(open_archive(self.archive), self.member, MAX_TABLE_BYTES)
        except MediaError as err:
            raise SourceError(f"'{self.archive}': {err}. Unpack it yourself and name the folder instead.") from err


@dataclass(frozen=True)
class ZipTree:
    """A zip, or a folder in it.

    Args:
        path: The zip.
        prefix: Folder in the zip, with a closing slash; empty for all of it.
    """

    path: Path
    prefix: str = ""

    @property
    def name(self) -> str:
        """Name of the folder in the zip, or of the zip."""
        return PurePosixPath(self.prefix).name or self.path.stem

    def hash(self) -> str:
        """Hash the zip and the name of the folder in it."""
        return f"{hash_file(DiskFile(self.path))}/{self.prefix}"

    def listing(self) -> Listing:
        """List the members; names that lead out of the zip are quarantined.

        Raises:
            SourceError: the file is not a zip.
        """
        try:
            members = open_archive(self.path).infolist()
        except MediaError as err:
            raise SourceError(f"'{self.path}' should be a zip: {err}. Pack it again.") from err
        names: list[str] = []
        refused: list[Quarantined] = []
        for info in members:
            parts = PurePosixPath(info.filename).parts
            if info.is_dir() or not info.filename.startswith(self.prefix) or any(map(is_clutter, set(parts) - {".."})):
                continue
            if ".." in parts or info.filename.startswith("/"):
                refused.append(Quarantined(info.filename, None, f"{info.filename} leaves the source's folder"))
            else:
                names.append(info.filename.removeprefix(self.prefix))
        return Listing(tuple(sorted(names)), tuple(refused))

    def file(self, name: str) -> ZipMember:
        """Take one of the listed files."""
        return ZipMember(self.path, self.prefix + name)

    def media(self, folder: str, archives: Iterable[str]) -> Media:
        """Open the files that cells name, starting from a folder of the zip; zips in the zip are not opened."""
        return Media(archives=(self.path,), prefix=self.prefix + folder)
