"""The folder of the source: rows to files, and the comparison with what is there."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from new_dept_maker.oddities import MALFORMED
from new_dept_maker.rows import Row

COLUMNS = ("return_id", "note", "photo", "weight_kg", "price", "shop", "returned_at", "reason")
TRUTH_COLUMNS = ("return_id", "reason", "kind")


def render_folder(rows: list[Row]) -> dict[str, bytes]:
    """Map each file's path inside the folder to its bytes."""
    lines, truth, files = [], [], {}
    for number, row in enumerate(rows, start=1):
        return_id = f"R-{number:04d}"
        photo_path = "" if row.photo is None else f"photos/{return_id}.png"
        if row.photo is not None:
            files[photo_path] = row.photo
        lines.append(_fields(row, return_id, photo_path))
        truth.append((return_id, row.reason, row.kind))
    return {"returns.csv": _to_csv(COLUMNS, lines), "truth.csv": _to_csv(TRUTH_COLUMNS, truth), **files}


def write_folder(files: dict[str, bytes], folder: Path) -> None:
    """Write the files, and remove photos that no row has any more."""
    for name in compare_folder(files, folder):
        path = folder / name
        if name in files:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(files[name])
        else:
            path.unlink()


def compare_folder(files: dict[str, bytes], folder: Path) -> list[str]:
    """List the files that are missing, differ or should not be there, sorted."""
    stray = {f"photos/{path.name}" for path in (folder / "photos").glob("*")} - files.keys()
    changed = {
        name for name, data in files.items() if not (folder / name).is_file() or (folder / name).read_bytes() != data
    }
    return sorted(stray | changed)


def _fields(row: Row, return_id: str, photo_path: str) -> list[str]:
    fields = [
        return_id,
        row.note,
        photo_path,
        f"{row.weight_kg:.2f}",
        f"{row.price:.2f}",
        row.shop,
        row.returned_at.isoformat(),
        row.reason if row.is_labelled else "",
    ]
    return MALFORMED[row.malformation](fields) if row.malformation else fields


def _to_csv(columns: tuple[str, ...], lines: Iterable[Iterable[str]]) -> bytes:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(lines)
    return buffer.getvalue().encode()
