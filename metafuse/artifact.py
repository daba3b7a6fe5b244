"""The saved folder: frozen dataclasses as JSON and safetensors, every file's hash in a manifest.

No pickle. A value is saved as what it is made of: a frozen dataclass of this package becomes its
address and its fields, an array becomes a tensor, and loading builds dataclasses defined in this
package and nothing else.
"""

import dataclasses
import glob
import hashlib
import importlib
import json
import logging
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import Enum
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from metafuse.errors import ArtifactError

log = logging.getLogger(__name__)

FORMAT = 1
MANIFEST = "manifest.json"
SHOWN = 5
HELD = "run"
"""Name of an earlier save while the new one takes its place."""

KILLED_S = 3600.0
"""A folder of a save that nothing was added to for so long belongs to a save that was killed."""

PACKAGES = ("metafuse", "torch", "sentence-transformers", "transformers", "scikit-learn", "numpy", "pandas")


def save_folder(
    path: Path, write: Callable[[Path], None], about: Mapping[str, Any], *, marker: str | None = None
) -> None:
    """Write a folder beside its final name, with a manifest of hashes, and put it in place by rename.

    Args:
        path: Final name; a folder of an earlier save there is replaced.
        write: Puts the files into the folder it is given.
        about: JSON-able facts for the manifest.
        marker: See `check_target`.
    Raises:
        ArtifactError: something that is not a saved folder stands there, or the disk refuses.
    """
    check_target(path, marker)
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.new.", dir=path.parent))
        temporary.chmod(0o755)
        write(temporary)
        files = {name: sha256_file(temporary / name) for name in sorted(place.name for place in temporary.iterdir())}
        manifest = {"format": FORMAT, **about, "files": files}
        (temporary / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True), encoding="utf-8")
        _swap(temporary, path)
        with suppress(OSError):  # the save is whole already
            _remove_leftovers(path)
    except (OSError, SafetensorError) as err:
        reason = getattr(err, "strerror", None) or err
        raise ArtifactError(f"'{path}' cannot be written ({reason}). Free some space or choose another --out.") from err
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def check_target(path: Path, marker: str | None = None) -> None:
    """Check that a folder may be saved there: nothing yet, an empty folder, or an earlier save.

    An earlier save that a killed one had moved aside is put back, see `restore_save`.

    Args:
        path: Final name.
        marker: A file that every save of the same kind has, so that none of another kind is replaced.
    Raises:
        ArtifactError: something else stands there.
    """
    restore_save(path)
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    own = _saved_files(path)
    if own is None:
        raise ArtifactError(f"'{path}' exists and is no saved run. Choose another --out, or move it away.")
    if marker is not None and marker not in own:
        raise ArtifactError(
            f"'{path}' holds a save of another kind (expected one with {marker}), which would be lost. "
            "Choose another --out, or move it away."
        )
    foreign = sorted(item.name for item in path.iterdir() if item.name not in own)
    if foreign:
        raise ArtifactError(
            f"'{path}' holds {', '.join(foreign[:SHOWN])} beside a saved run, which saving again would delete. "
            "Move that away, or choose another --out."
        )


def _saved_files(path: Path) -> set[str] | None:
    """Names of the files of an earlier save, its manifest among them; None where the folder is no such thing."""
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        return {MANIFEST, *manifest["files"]} if "format" in manifest else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def open_folder(path: Path) -> dict[str, Any]:
    """Check a saved folder and return its manifest; one that a killed save had moved aside is put back before.

    Raises:
        ArtifactError: there is none, it is of another format, or a file was changed, added or lost.
    """
    restore_save(path)
    return _check_files(path)


def restore_save(path: Path) -> None:
    """Put an earlier save back that a killed one had moved aside: there is no folder, and one whole save beside it.

    Raises:
        ArtifactError: the disk refuses.
    """
    if path.exists():
        return
    whole = [folder for folder in _beside(path, "old") if _is_whole(folder / HELD)]
    if len(whole) != 1:
        return
    try:
        (whole[0] / HELD).rename(path)
        whole[0].rmdir()
    except OSError as err:
        raise ArtifactError(
            f"'{path}' was moved to '{whole[0] / HELD}' by a save that was killed, and cannot be moved back "
            f"({err.strerror}). Move it yourself, or copy it."
        ) from err
    log.info("'%s' is put back as it was before a save that was killed", path)


def _beside(path: Path, kind: str) -> list[Path]:
    """Folders that saves of that path made beside it: "new" ones, or "old" ones that hold an earlier save."""
    # mkdtemp ends names in eight characters; a save named "run.old" has folders that are not those of "run".
    found = path.parent.glob(f".{glob.escape(path.name)}.{kind}.{'?' * 8}")
    return sorted(folder for folder in found if folder.is_dir() and not folder.is_symlink())


def _is_whole(path: Path) -> bool:
    try:
        _check_files(path)
    except ArtifactError:
        return False
    return True


def _check_files(path: Path) -> dict[str, Any]:
    if not (path / MANIFEST).is_file():
        raise ArtifactError(
            f"'{path}' is no saved run: it has no {MANIFEST}. Expected a folder that adapt or meta-train wrote."
        )
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        version, files = manifest["format"], dict(manifest["files"])
    except (ValueError, KeyError, TypeError) as err:
        raise ArtifactError(f"'{path / MANIFEST}' is damaged ({err}). Make it again, or restore a copy.") from err
    if version != FORMAT:
        raise ArtifactError(f"'{path}' has format {version}, this version reads {FORMAT}. Make it again.")
    for name, expected in files.items():
        if Path(name).name != name or not (path / name).is_file():
            raise ArtifactError(f"'{path / name}' is missing. Restore it, or make the save again.")
        if (found := sha256_file(path / name)) != expected:
            raise ArtifactError(
                f"'{path / name}' was changed: expected sha256 {expected[:12]}…, got {found[:12]}…. "
                "Restore it, or make the save again."
            )
    return manifest


def save_value(value: object, folder: Path, name: str) -> None:
    """Save a dataclass (or a mapping, list, number, text, array) as NAME.json and NAME.safetensors."""
    tensors: dict[str, np.ndarray] = {}
    tree = _pack(value, tensors)
    (folder / f"{name}.json").write_text(json.dumps(tree, ensure_ascii=False), encoding="utf-8")
    save_file({key: np.asarray(tensor, order="C") for key, tensor in tensors.items()}, folder / f"{name}.safetensors")


def load_value(folder: Path, name: str) -> Any:
    """Load what `save_value` saved.

    Raises:
        ArtifactError: a file is damaged, or names a class this version does not have.
    """
    try:
        tensors = load_file(folder / f"{name}.safetensors")
        tree = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        return _unpack(tree, tensors)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError, SafetensorError) as err:
        raise ArtifactError(
            f"'{folder / name}' cannot be read ({err}). It is of another version or damaged; make it again."
        ) from err


def sha256_file(path: Path) -> str:
    """Hash a file's bytes, as hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def versions() -> dict[str, str]:
    """Versions of what a result depends on."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def _swap(temporary: Path, path: Path) -> None:
    if path.exists():
        path.rename(Path(tempfile.mkdtemp(prefix=f".{path.name}.old.", dir=path.parent)) / HELD)
    temporary.rename(path)


def _remove_leftovers(path: Path) -> None:
    """Remove the save that a new one replaced, and what killed saves left; nothing that saves do not write."""
    for folder in _beside(path, "old"):
        if {item.name for item in folder.iterdir()} <= {HELD}:
            shutil.rmtree(folder, ignore_errors=True)
    for folder in _beside(path, "new"):
        # Another process may be writing one now.
        is_left = time.time() - folder.stat().st_mtime > KILLED_S
        if is_left and all(item.is_file() for item in folder.iterdir()):
            shutil.rmtree(folder, ignore_errors=True)


def _pack(value: object, tensors: dict[str, np.ndarray]) -> Any:  # noqa: PLR0911 - one return a kind
    if isinstance(value, np.ndarray):
        known = (key for key, tensor in tensors.items() if tensor is value)
        key = next(known, f"t{len(tensors)}")
        tensors[key] = value
        return {"#tensor": key}
    if isinstance(value, Enum):
        return {"#enum": _address(type(value)), "value": value.value}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: _pack(getattr(value, field.name), tensors) for field in dataclasses.fields(value)}
        return {"#class": _address(type(value)), "fields": fields}
    if isinstance(value, Mapping):
        return {"#map": [[_pack(key, tensors), _pack(item, tensors)] for key, item in value.items()]}
    if isinstance(value, tuple | list):
        return {"#tuple" if isinstance(value, tuple) else "#list": [_pack(item, tensors) for item in value]}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{type(value).__name__} cannot be saved: expected dataclasses, arrays, texts and numbers")


def _unpack(tree: Any, tensors: Mapping[str, np.ndarray]) -> Any:  # noqa: PLR0911 - one return a kind
    match tree:
        case {"#tensor": key}:
            return tensors[key]
        case {"#enum": address, "value": value}:
            return _resolve(address)(value)
        case {"#class": address, "fields": fields}:
            return _resolve(address)(**{name: _unpack(item, tensors) for name, item in fields.items()})
        case {"#map": pairs}:
            return {_unpack(key, tensors): _unpack(item, tensors) for key, item in pairs}
        case {"#tuple": items}:
            return tuple(_unpack(item, tensors) for item in items)
        case {"#list": items}:
            return [_unpack(item, tensors) for item in items]
    return tree


def _address(cls: type) -> str:
    return f"{cls.__module__}:{cls.__qualname__}"


def _resolve(address: str) -> Any:
    module, _, name = address.partition(":")
    if not module.startswith("metafuse."):
        raise ValueError(f"'{address}' is not part of metafuse")
    cls = getattr(importlib.import_module(module), name)
    if not isinstance(cls, type) or not (dataclasses.is_dataclass(cls) or issubclass(cls, Enum)):
        raise ValueError(f"'{address}' is no saved type")
    return cls
