"""Whatever a caller names as source - a path, a URL, an object - becomes a Source."""

import re
from dataclasses import fields
from pathlib import Path

from metafuse.errors import ConfigError, SourceError
from metafuse.sources.archive import ZipTree
from metafuse.sources.base import Source
from metafuse.sources.files import DiskFile, DiskTree, is_clutter
from metafuse.sources.filtered import FilteredSource
from metafuse.sources.folder import read_tree
from metafuse.sources.huggingface import is_saved_dataset, read_dataset, read_hub, read_saved
from metafuse.sources.long_table import LongSource
from metafuse.sources.media import Media
from metafuse.sources.memory import read_memory
from metafuse.sources.options import SourceOptions
from metafuse.sources.remote import PROTOCOLS, fetch
from metafuse.sources.sql import read_sql
from metafuse.sources.tables import TableSource, is_readable

__all__ = ["SourceOptions", "open_source"]

_URL = re.compile(r"(?P<protocol>[a-zA-Z][a-zA-Z0-9+_-]*)://")
_FRAGMENT = re.compile(r"(?P<url>.*)#(?P<table>[^#@/:?]+)", re.DOTALL)
_WHAT = (
    "an existing file (CSV, TSV, JSON, JSON lines, Parquet, Excel, .ts series, zip) or folder, a URL (postgresql://, "
    "sqlite:///, hf://, s3://, https://), a pandas or polars DataFrame, a pyarrow Table, a datasets.Dataset, or a list "
    "of rows"
)

_FILE_OPTIONS = ("media", "sheet", "encoding", "delimiter", "key", "columns")
_TREE_OPTIONS = (*_FILE_OPTIONS, "table", "subfolder", "pattern")


def open_source(source: object, options: SourceOptions = SourceOptions()) -> Source:  # noqa: B008 - frozen
    """Open an existing file or folder, a URL, or a table in memory.

    Args:
        source: What holds the rows.
        options: How to read it.
    Raises:
        SourceError: it is none of these, or cannot be read.
        ConfigError: an option does not fit it.
    """
    opened = _open_text(str(source), options) if isinstance(source, (str, Path)) else _open_object(source, options)
    if options.long is not None:
        opened = LongSource(opened.name, opened, options.long)
    if options.keep or options.max_rows is not None:
        return FilteredSource(opened.name, opened, options.keep, options.max_rows)
    return opened


def _open_object(source: object, options: SourceOptions) -> Source:
    _refuse_others(options, "a table in memory", ("media", "split"))
    name = options.name or "table"
    media = _elsewhere(options) or Media()
    found: Source | None = read_dataset(source, name, options.split, media) or read_memory(source, name, media)
    if found is None:
        raise SourceError(f"a source should be {_WHAT}; got {type(source).__name__}. Pass one of these.")
    return found


def _open_text(text: str, options: SourceOptions) -> Source:
    match = _URL.match(text)
    if match is None or match["protocol"].lower() == "file":
        return _open_path(Path(text.removeprefix("file://")), options)
    protocol = match["protocol"].lower()
    first_rows = _first_rows(options)
    if protocol == "hf":
        _refuse_others(options, "a Hugging Face dataset", ("split",))
        return read_hub(text, options.split, options.name, first_rows)
    if protocol in PROTOCOLS:
        return _open_path(fetch(text), options)
    _refuse_others(options, "a database", ("table", "query", "media"))
    with_table = _FRAGMENT.fullmatch(text)
    url, table = (with_table["url"], with_table["table"]) if with_table else (text, options.table)
    table = None if options.query else table
    media = _elsewhere(options)
    return read_sql(url, table, options.query, name=options.name, max_rows=first_rows, media=media)


def _open_path(path: Path, options: SourceOptions) -> Source:
    if path.is_dir():
        folder = _subfolder(path, options.subfolder)
        if is_saved_dataset(folder):
            _refuse_others(options, "a saved dataset", ("split", "subfolder"))
            return read_saved(folder, options.split, options.name, _first_rows(options))
        _refuse_others(options, "a folder", _TREE_OPTIONS)
        return read_tree(DiskTree(folder), options, _elsewhere(options))
    if not path.exists():
        raise SourceError(
            f"there is no source '{path}'. A source is {_WHAT}. Check the spelling and the folder you are in."
        )
    if path.suffix.lower() == ".zip":
        _refuse_others(options, "a zip", _TREE_OPTIONS)
        prefix = f"{options.subfolder.strip('/')}/" if options.subfolder else ""
        tree = ZipTree(path, prefix)
        if prefix and not tree.listing().names:
            raise ConfigError(f"'{path}' has no folder '{options.subfolder}'. Check the subfolder.")
        return read_tree(tree, options, _elsewhere(options))
    if not is_readable(path.name):
        raise SourceError(
            f"'{path}' is no kind of file that can be read. A source is {_WHAT}. Save it as one of these."
        )
    _refuse_others(options, "a file", _FILE_OPTIONS)
    media = _elsewhere(options) or DiskTree(path.parent).media("", _zips_beside(path))
    return TableSource(options.name or path.stem, DiskFile(path), options, media)


def _first_rows(options: SourceOptions) -> int | None:
    """Rows to read at most; all, where the wanted ones or a series' moments may come later."""
    return None if options.keep or options.long else options.max_rows


def _refuse_others(options: SourceOptions, kind: str, fitting: tuple[str, ...]) -> None:
    """Refuse an option that this kind of source would ignore."""
    allowed = {"name", "keep", "max_rows", "long", *fitting}
    for field in fields(options):
        if getattr(options, field.name) and field.name not in allowed:
            raise ConfigError(
                f"option '{field.name}' does not fit {kind}, which takes {', '.join(fitting)}. Remove it."
            )


def _zips_beside(path: Path) -> list[str]:
    return sorted(each.name for each in path.parent.iterdir() if each.suffix == ".zip" and not is_clutter(each.name))


def _subfolder(path: Path, subfolder: str | None) -> Path:
    folder = path / (subfolder or "")
    if not folder.resolve().is_relative_to(path.resolve()):
        raise ConfigError(f"subfolder '{subfolder}' leaves the source's folder '{path}'. Name a folder inside it.")
    if not folder.is_dir():
        raise ConfigError(f"'{path}' has no folder '{subfolder}'. Check the subfolder.")
    return folder


def _elsewhere(options: SourceOptions) -> Media | None:
    """Open the files that cells name where the options say they are; None where they say nothing."""
    if options.media is None:
        return None
    path = Path(options.media)
    if path.is_dir():
        return DiskTree(path).media("", _zips_beside(path / "_"))
    if not path.is_file() or path.suffix.lower() != ".zip":
        raise ConfigError(
            f"media '{path}' should be an existing folder or zip with the files that cells name. Check the path."
        )
    return Media(archives=(path,))
