"""The run folder: what stands in it, written whole or not at all, and read back bit for bit.

manifest.json       versions, source, sha256 of every other file
state.json          settings, schema, model and metrics, with the arrays in
state.safetensors   features, embeddings and the model's parameters
rows.parquet        the source's rows
vectors.faiss       the index, and ids.json the ids of its rows
predictions.csv     label, probability, is_unknown and p_value of every row
quarantine.csv      rows and cells that could not be used, with the reason
changes.csv         cells that cleaning changed: what they were, and what they are
joins.csv           rows of joined sources that met no other, where there are joins
report.html         for people
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from metafuse.artifact import load_value, open_folder, save_folder, save_value, versions
from metafuse.errors import ArtifactError
from metafuse.index.faiss_index import FaissIndex, load_index
from metafuse.rows import Rows
from metafuse.sources.cells import as_text
from metafuse.sources.join_report import unmatched_table
from metafuse.sources.media import Media
from metafuse.state import State

RUN_MARKER = "state.json"
"""Tells a run's folder from other saves."""


def save_state(
    path: Path, state: State, rows: Rows, index: FaissIndex, *, predictions: pd.DataFrame, report: str
) -> None:
    """Write a run folder.

    Raises:
        ArtifactError: something else stands there, or the disk refuses.
    """

    def write(folder: Path) -> None:
        save_value(state, folder, "state")
        storable(rows).to_parquet(folder / "rows.parquet", index=False)
        index.save(folder)
        predictions.to_csv(folder / "predictions.csv", index=False)
        bad = [(row.row_id, row.column, row.reason) for row in state.quarantine]
        pd.DataFrame(bad, columns=["row_id", "column", "reason"]).to_csv(folder / "quarantine.csv", index=False)
        changed_cells(state, rows).to_csv(folder / "changes.csv", index=False)
        if state.joins:
            unmatched_table(state.joins).to_csv(folder / "joins.csv", index=False)
        (folder / "report.html").write_text(report, encoding="utf-8")

    save_folder(path, write, {"source": state.settings.source, "versions": versions()}, marker=RUN_MARKER)


def changed_cells(state: State, rows: Rows) -> pd.DataFrame:
    """List the cells that cleaning changed: row_id, column, kind, before, after."""
    cells = [cell for change in state.changes for cell in change.cells()]
    return pd.DataFrame(
        [(rows.ids[cell.row], cell.column, cell.kind.value, cell.before, cell.after) for cell in cells],
        columns=["row_id", "column", "kind", "before", "after"],
    )


def load_state(path: Path, device: str) -> tuple[State, Rows, FaissIndex]:
    """Read a run folder.

    Args:
        path: The folder.
        device: "auto", "cpu" or "cuda": where the run will search from now on, wherever it was made.
    Raises:
        ArtifactError: there is none, or a file was changed, lost or written by another version.
    """
    if RUN_MARKER not in open_folder(path)["files"]:
        raise ArtifactError(
            f"'{path}' is a checkpoint, not a run. Expected a folder that adapt wrote; adapt --base {path} makes one."
        )
    state = load_value(path, "state")
    if not isinstance(state, State):
        raise ArtifactError(f"'{path}' holds no run. Expected a folder that adapt wrote.")
    frame = pd.read_parquet(path / "rows.parquet")
    id_column, label_column = frame.columns[:2]
    ids = pd.Index(frame.pop(id_column), name=None)
    labels = tuple(None if missing else str(label) for label, missing in _cells(frame.pop(label_column)))
    return _moved(state, device), Rows(ids, frame, labels, Media(files=False)), load_index(path, device)


def _moved(state: State, device: str) -> State:
    surroundings = tuple(view.moved(device) for view in state.adapted.surroundings)
    settings = replace(state.settings, device=device)
    return replace(state, settings=settings, adapted=replace(state.adapted, surroundings=surroundings))


def storable(rows: Rows) -> pd.DataFrame:
    """Rows as a table file can hold them, ids and labels in the first two columns.

    Images and sounds in memory are left out; series, vectors and places are written as JSON.
    """
    mark = "#"
    while {f"{mark}id", f"{mark}label"} & set(rows.frame):
        mark += "#"
    columns: dict[str, Any] = {f"{mark}id": rows.ids, f"{mark}label": pd.Series(rows.labels, dtype="str")}
    for name in rows.frame:
        cells = rows.frame[name]
        columns[str(name)] = cells.map(_plain).astype("str") if cells.dtype == object else cells
    return pd.DataFrame({name: pd.Series(cells).reset_index(drop=True) for name, cells in columns.items()})


def _plain(cell: object) -> str | None:
    is_picture = hasattr(cell, "convert") or (isinstance(cell, np.ndarray) and cell.dtype == np.uint8 and cell.ndim > 1)
    return None if is_picture or isinstance(cell, bytes | Mapping) else as_text(cell)


def _cells(column: pd.Series) -> list[tuple[object, bool]]:
    return list(zip(column, column.isna(), strict=True))
