"""Files that rows point to: found under the source's root or in its zip, read with bounds."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

MAX_FILE_BYTES = 256 * 2**20


class MediaError(Exception):
    """One cell's file cannot be used; the text is the quarantine reason. Never leaves the package."""


@dataclass(frozen=True)
class Media:
    """Opens the file a cell names.

    Args:
        root: Folder that relative paths start from and that none may leave; None when the rows
            were handed over in memory, whose paths are the caller's own.
        archives: Zip files searched after the root, in order.
    """

    root: Path | None = None
    archives: tuple[Path, ...] = ()

    def read(self, value: object) -> bytes:
        """Return the bytes behind a cell: a path, raw bytes, or an in-memory image.

        Raises:
            MediaError: the file is missing, too large, or outside the source's root.
        """
        raise NotImplementedError
