"""Public data sets of the task files: fetched when asked for, their bytes checked."""

import hashlib
import shutil
from pathlib import Path

import pandas as pd

from metafuse.errors import SourceError
from metafuse.task import DataFile, data_folder, find_task, known_tasks, load_task


def list_data() -> pd.DataFrame:
    """List the task files: name, whether their rows are here, what they are."""
    specs = [load_task(path).spec for name in known_tasks() if (path := find_task(name)) is not None]
    here = [all((data_folder(spec) / file.path).is_file() for file in spec.files) for spec in specs]
    return pd.DataFrame(
        {
            "name": [spec.name for spec in specs],
            "is_here": here,
            "licence": [spec.licence for spec in specs],
            "description": [spec.description for spec in specs],
        }
    )


def fetch_data(name: str, from_folder: Path | None = None) -> list[Path]:
    """Put the files of a task's data set where the task looks for them.

    Args:
        name: Name of the task whose `files` are wanted.
        from_folder: Folder that holds a copy of them; without it each comes from its public address.
    Returns:
        The files, in the task's order. Those already there with the right bytes are left as they are.
    Raises:
        SourceError: there is no such task, it has no files, a file has no public address or is not in the folder, or
            its bytes are others than those the task names.
    """
    path = find_task(name)
    if path is None:
        raise SourceError(f"no task '{name}'. Known: {', '.join(known_tasks())}. Use one of these names.")
    task = load_task(path)
    if not task.spec.files:
        raise SourceError(f"task '{task.spec.name}' names no public files; its rows are read from where it points to.")
    folder = data_folder(task.spec)
    return [_fetch_file(file, folder, from_folder) for file in task.spec.files]


def _fetch_file(file: DataFile, folder: Path, from_folder: Path | None) -> Path:
    target = folder / file.path
    if target.is_file() and _sha256(target) == file.sha256:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    if from_folder is not None:
        return _copy(file, from_folder / file.path, target)
    if file.url is None:
        raise SourceError(
            f"'{file.path}' has no public address (it was made from public files). "
            "Get a copy and run the same command with --from DIR."
        )
    return _download(file, target)


def _copy(file: DataFile, origin: Path, target: Path) -> Path:
    if not origin.is_file():
        raise SourceError(f"'{origin}' does not exist. Expected a copy of '{file.path}' there; check --from.")
    found = _sha256(origin)
    if found != file.sha256:
        raise SourceError(f"'{origin}' has sha256 {found}, expected {file.sha256}. It is another version of the file.")
    partial = target.with_suffix(target.suffix + ".part")
    shutil.copyfile(origin, partial)
    return partial.replace(target)


def _download(file: DataFile, target: Path) -> Path:
    import pooch
    import requests

    try:
        pooch.retrieve(file.url, f"sha256:{file.sha256}", fname=target.name, path=target.parent, progressbar=False)
    except requests.RequestException as err:
        raise SourceError(
            f"'{file.path}' could not be fetched from {file.url} ({type(err).__name__}). "
            "Check the connection, or run the same command with --from DIR."
        ) from err
    except ValueError as err:
        raise SourceError(f"'{file.path}' from {file.url} has other bytes than expected: {err}") from err
    return target


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
