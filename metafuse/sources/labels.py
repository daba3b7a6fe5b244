"""Labels that come apart from their rows: a mapping, a two-column table, or a file with one."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from metafuse.errors import SchemaError, SourceError
from metafuse.sources.cells import is_missing
from metafuse.sources.files import DiskFile
from metafuse.sources.media import Media
from metafuse.sources.memory import read_memory
from metafuse.sources.options import SourceOptions
from metafuse.sources.tables import TableSource

LABEL_NAMES = ("label", "class", "category", "target")


def text_key(value: object) -> str:
    """Write an id or a label as text: 5, 5.0 and " 5 " all become "5"; a missing value becomes ""."""
    if isinstance(value, np.generic):
        value = value.item()
    if is_missing(value):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def read_labels(labels: object) -> dict[str, str]:
    """Read labels by row id; ids and labels become text as `text_key` writes them, missing ones are skipped.

    Args:
        labels: A mapping or pandas Series id -> label; a two-column table (pandas, polars, pyarrow); or the path
            of such a table as CSV, TSV, JSON lines, Parquet or Excel, with a header. The first column is the id and
            the second the label, unless one is called label, class, category or target.
    Returns:
        Row id -> label.
    Raises:
        SchemaError: there are no labels, not two columns, or one id has two labels.
        SourceError: the file cannot be read, or labels are none of these.
    """
    if isinstance(labels, (Mapping, pd.Series)):
        return _collect_pairs(labels.items())
    if isinstance(labels, (str, Path)):
        path = Path(labels)
        if not path.is_file():
            raise SourceError(
                f"labels should be a file with an id and a label column; '{path}' is no file. Check the path."
            )
        frame = TableSource(path.stem, DiskFile(path), SourceOptions(), Media(files=False)).read().frame
    else:
        source = read_memory(labels, "labels", Media(files=False))
        if source is None:
            raise SourceError(
                "labels should be a mapping id -> label, a two-column table, or the path of one; "
                f"got {type(labels).__name__}. Pass one of these."
            )
        frame = source.frame
    id_column, label_column = _find_columns([str(name) for name in frame.columns])
    frame = frame.set_axis([str(name) for name in frame.columns], axis="columns")
    return _collect_pairs(zip(frame[id_column], frame[label_column], strict=True))


def _find_columns(names: list[str]) -> tuple[str, str]:
    if len(names) != 2:
        raise SchemaError(
            f"labels need two columns, an id and a label, under a header such as 'id,label'; got {names}. "
            "Keep only these two."
        )
    named = [name for name in names if name.strip().casefold() in LABEL_NAMES]
    label_column = named[0] if len(named) == 1 else names[1]
    return (names[0] if label_column == names[1] else names[1]), label_column


def _collect_pairs(pairs: Iterable[tuple[object, object]]) -> dict[str, str]:
    labels: dict[str, str] = {}
    conflicts: dict[str, None] = {}
    for key, value in pairs:
        row_id, label = text_key(key), text_key(value)
        if not row_id or not label:
            continue
        if labels.setdefault(row_id, label) != label:
            conflicts[row_id] = None
    if conflicts:
        shown = ", ".join(list(conflicts)[:5])
        raise SchemaError(f"each id needs one label, but {len(conflicts)} ids have two: {shown}. Remove one of each.")
    if not labels:
        raise SchemaError("no labels: there is no id with a label beside it. Give at least two classes some labels.")
    return labels
