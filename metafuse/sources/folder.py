"""Folders and zips: a table with the files it names beside it, or files in class folders."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

import pyarrow as pa

from metafuse.errors import ConfigError, SourceError
from metafuse.sources.base import Dataset, Quarantined, Rows, Source, collect
from metafuse.sources.files import Tree
from metafuse.sources.media import MAX_FILE_BYTES, Media
from metafuse.sources.options import SourceOptions
from metafuse.sources.tables import TableSource, is_readable, is_table
from metafuse.sources.ts_text import SERIES_SUFFIX, TsSource

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")
MEDIA_SUFFIXES = {
    "image": IMAGE_SUFFIXES,
    "audio": (".wav", ".mp3", ".flac", ".ogg", ".m4a", ".opus", ".aac"),
    "video": (".mp4", ".mkv", ".avi", ".mov", ".webm", ".mpeg", ".mpg"),
    "pdf": (".pdf",),
}
"""Column -> endings of the files it names; texts are read instead."""
TEXT_SUFFIXES = (".txt", ".md")
USABLE_SUFFIXES = (*TEXT_SUFFIXES, *(suffix for suffixes in MEDIA_SUFFIXES.values() for suffix in suffixes))
_PREFERRED_STEMS = ("metadata", "items")
_BATCH_FILES = 512


def read_tree(tree: Tree, options: SourceOptions, media: Media | None = None) -> Source:
    """Take a folder or zip for what its files make it: a table with media, or files in class folders.

    Args:
        tree: The files.
        options: `table` names the table where there are several; `pattern` reads columns from the names of files.
        media: Opens the files that cells name, when they are elsewhere.
    Raises:
        ConfigError: there is no table of that name, or the pattern is none, or not for a table.
        SourceError: there are several tables, or neither a table nor files to read.
    """
    listing = tree.listing()
    if options.pattern is not None:
        if options.table is not None:
            raise ConfigError(
                f"'{tree.name}': a pattern makes rows of files, table '{options.table}' has its own. Leave one out."
            )
        return FileSource(options.name or tree.name, tree, media or tree.media("", ()), _compile(options.pattern))
    if options.table is None and (parts := _series_files(listing.names)):
        return TsSource(options.name or tree.name, tuple(map(tree.file, parts)), options.encoding, tree)
    table = _choose_table(tree.name, listing.names, options.table)
    if table is None:
        return FileSource(options.name or tree.name, tree, media or tree.media("", ()))
    folder = table[: -len(PurePosixPath(table).name)]
    archives = [name for name in listing.names if name.startswith(folder) and name[len(folder) :].endswith(".zip")]
    beside = [name for name in archives if "/" not in name[len(folder) :]]
    return TableSource(options.name or tree.name, tree.file(table), options, media or tree.media(folder, beside), tree)


def _choose_table(tree_name: str, names: tuple[str, ...], wanted: str | None) -> str | None:
    if wanted is not None:
        if wanted not in names or not is_readable(wanted):
            known = ", ".join(name for name in names if is_readable(name)) or "none"
            raise ConfigError(f"'{tree_name}' has no table '{wanted}'. Its tables: {known}. Use one of these.")
        return wanted
    tables = (
        [name for name in names if is_table(name) and name.startswith(folder)] if (folder := _wrapper(names)) else []
    )
    tables = tables or [name for name in names if is_table(name)]
    top = [name for name in tables if "/" not in name[len(folder) :]]
    if len(top) <= 1:
        return next(iter(top), None)
    preferred = [name for name in top if PurePosixPath(name).stem.lower() in _PREFERRED_STEMS]
    if len(preferred) == 1:
        return preferred[0]
    raise SourceError(f"'{tree_name}' has several tables: {', '.join(top)}. Name one: table = \"{top[0]}\".")


def _series_files(names: tuple[str, ...]) -> list[str]:
    """List the series files that are one source together: several, and no other table beside them."""
    folder = _wrapper(names)
    top = [name for name in names if is_table(name) and "/" not in name.removeprefix(folder)]
    return top if len(top) > 1 and all(name.lower().endswith(SERIES_SUFFIX) for name in top) else []


def _wrapper(names: tuple[str, ...]) -> str:
    """Find the one folder, with a closing slash, that everything lies in; empty where there is none."""
    tops = {name.split("/")[0] for name in names if "/" in name}
    return f"{tops.pop()}/" if len(tops) == 1 and all("/" in name for name in names) else ""


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except re.error as err:
        raise ConfigError(f"pattern '{pattern}' is no regular expression: {err}. Correct it.") from err
    taken = {"id", "text", *MEDIA_SUFFIXES} & compiled.groupindex.keys()
    if taken or not compiled.groupindex:
        found = f"one called '{min(taken)}', a column there is anyway" if taken else "none"
        raise ConfigError(
            f"pattern '{pattern}': expected groups that name columns, such as (?P<label>[^/]+)/.*, got {found}. "
            "Name each group as its column should be called."
        )
    return compiled


@dataclass(frozen=True)
class FileSource(Source):
    """Files as rows: the columns are id, text or the kind of media, and label where there are class folders.

    Where class folders of one name lie in different folders, as in `Greek/character01` and `Latin/character01`, the
    label is the path of both, and a column `folder` holds the upper one. With a pattern, its groups are the columns
    instead of these two.

    Args:
        name: Short name for folders and titles.
        tree: The files; a file's label is the folder it lies in.
        media: Opens images, sounds, videos and PDF files.
        pattern: What a file's whole path in the tree looks like; each named group is a column.
    """

    name: str
    tree: Tree
    media: Media
    pattern: re.Pattern[str] | None = None

    @property
    def fingerprint(self) -> str:
        """Hash of every file's name and content, and of the pattern."""
        pattern = f"\0{self.pattern.pattern}" if self.pattern else ""
        return hashlib.sha256(f"{self.tree.hash()}{pattern}".encode()).hexdigest()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the files in record batches; texts are read as they are needed."""
        yield from self._rows().batches

    def read(self) -> Dataset:
        """Read every row.

        Raises:
            SourceError: there are no files that can be read, or none has a name like the pattern.
        """
        return collect(self.name, self._rows(), self.media)

    def _rows(self) -> Rows:
        listing = self.tree.listing()
        usable = [name for name in listing.names if name.lower().endswith(USABLE_SUFFIXES)]
        if not usable:
            suffixes = sorted({PurePosixPath(name).suffix.lower() or "none" for name in listing.names})
            raise SourceError(
                f"'{self.name}' should hold a table (CSV, TSV, JSON lines, Parquet, Excel), images, sounds, videos, "
                f"PDF files or texts, got {len(listing.names)} files with the suffixes "
                f"{', '.join(suffixes) or '(no files)'}. Check that it is the right folder."
            )
        quarantine = list(listing.quarantine)
        for name in sorted(set(listing.names) - set(usable)):
            quarantine.append(Quarantined(name, None, f"{name} is neither an image, sound, video, PDF nor text"))
        matching = [name for name in usable if self.pattern is None or self.pattern.fullmatch(name)]
        if self.pattern is not None and not matching:
            raise SourceError(
                f"'{self.name}': expected files named like the pattern '{self.pattern.pattern}', got '{usable[0]}' and "
                f"{len(usable) - 1} more, none of them alike. The pattern must describe the whole path; correct it."
            )
        for name in sorted(set(usable) - set(matching)):
            quarantine.append(Quarantined(name, None, f"{name} is not named like the pattern"))
        return Rows(self._batches(matching, quarantine), quarantine)

    def _batches(self, names: list[str], quarantine: list[Quarantined]) -> Iterator[pa.RecordBatch]:
        parents = {PurePosixPath(name).parent for name in names}
        nested = self.pattern is None and len({parent.name for parent in parents}) < len(parents)
        top = _wrapper(tuple(names)) if nested else ""
        columns = ["id"]
        columns += [kind for kind, suffixes in MEDIA_SUFFIXES.items() if _any_ends(names, suffixes)]
        columns += ["text"] if _any_ends(names, TEXT_SUFFIXES) else []
        if self.pattern is not None:
            columns += list(self.pattern.groupindex)
        else:
            columns += ["label"] if len(parents) > 1 else []
            columns += ["folder"] if nested else []
        schema = pa.schema([(column, pa.string()) for column in columns])
        for start in range(0, len(names), _BATCH_FILES):
            rows = [
                self._row(name, quarantine, self._named(name) or _labels(name.removeprefix(top), nested))
                for name in names[start : start + _BATCH_FILES]
            ]
            yield pa.RecordBatch.from_pylist([row for row in rows if row is not None], schema)

    def _named(self, name: str) -> dict[str, str | None]:
        match = self.pattern.fullmatch(name) if self.pattern is not None else None
        return match.groupdict() if match is not None else {}

    def _row(
        self, name: str, quarantine: list[Quarantined], labels: dict[str, str | None]
    ) -> dict[str, str | None] | None:
        row: dict[str, str | None] = {"id": name, **labels}
        for kind, suffixes in MEDIA_SUFFIXES.items():
            if name.lower().endswith(suffixes):
                return row | {kind: name}
        with self.tree.file(name).open() as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            quarantine.append(Quarantined(name, "text", f"{name} is larger than the {MAX_FILE_BYTES:,} bytes allowed"))
            return None
        try:
            return row | {"text": content.decode("utf-8-sig")}
        except UnicodeDecodeError as err:
            quarantine.append(Quarantined(name, "text", f"{name} is not UTF-8 text (byte {err.start})"))
            return None


def _any_ends(names: list[str], suffixes: tuple[str, ...]) -> bool:
    return any(name.lower().endswith(suffixes) for name in names)


def _labels(name: str, nested: bool) -> dict[str, str | None]:
    parent = PurePosixPath(name).parent
    if not nested:
        return {"label": parent.name or None}
    above = str(parent.parent)
    return {"label": str(parent) if parent.name else None, "folder": above if above != "." else None}
