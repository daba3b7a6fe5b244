"""Pretrained models on disk: found by folder or hub name, refused when pickled, fingerprinted without torch."""

import hashlib
import json
import logging
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from metafuse.errors import ArtifactError, ConfigError

log = logging.getLogger(__name__)

BACKBONE = "backbone"
"""Name of a backbone's files in the folder of a checkpoint, which tell it from a pretrained model's."""
CONFIG = "config.json"
MODULES = "modules.json"
"""Of sentence-transformers, whose configuration may stand in a module's folder."""
SHARD_INDEX = "model.safetensors.index.json"
WEIGHTS = "*.safetensors"
PICKLED = ("pytorch_model*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle")

_DOWNLOADED = ["*.json", "*.txt", "*.model", "*.safetensors"]
_LEFT_OUT = ["onnx/*", "openvino/*", "*.fp16.safetensors"]
_HUB_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")


def find_model(model: str | Path, *, revision: str | None = None) -> Path:
    """Find the folder of a pretrained model: a folder, else the hub's cache, else a download.

    Args:
        model: A folder, or a hub name such as "openai/clip-vit-base-patch32".
        revision: Branch, tag or commit of a hub model; the default branch where None.
    Raises:
        ConfigError: there is no such folder or hub model, or it would have to be downloaded while
            that is switched off.
        ArtifactError: the folder holds no usable model.
    """
    folder = Path(model).expanduser()
    if not folder.is_dir():
        if _HUB_NAME.fullmatch(str(model)) is None:
            raise ConfigError(
                f"model '{model}': expected a folder or a hub name such as 'google/vit-base-patch16-224-in21k', "
                "and there is no such folder. Check the path."
            )
        folder = _cached(str(model), revision) or _download(str(model), revision)
    check_weights(folder)
    return folder


def check_weights(folder: Path) -> list[Path]:
    """Check that a model folder holds a configuration and whole safetensors weights, none of them pickled.

    Returns:
        The weight files, sorted.
    Raises:
        ArtifactError: a file is missing, damaged, or pickled.
    """
    if not any((folder / name).is_file() for name in (CONFIG, MODULES)):
        raise ArtifactError(
            f"model folder '{folder}': expected {CONFIG}, got {_listing(folder)}. "
            "Name the folder that the model was saved to with save_pretrained."
        )
    weights = _visible(folder, (WEIGHTS,))
    replaced = {path.parent for path in weights}
    pickled = [path for path in _visible(folder, PICKLED) if path.parent not in replaced]
    if pickled:
        raise ArtifactError(
            f"model folder '{folder}': expected safetensors weights, got {pickled[0].relative_to(folder)}, which is "
            "pickled and could run code when read. Load it where you trust it and save it again with "
            "save_pretrained(folder), which writes model.safetensors."
        )
    if not weights:
        raise ArtifactError(
            f"model folder '{folder}': expected weights (model.safetensors), got {_listing(folder)}. "
            "Copy the weights there, or save the model again with save_pretrained(folder)."
        )
    _check_shards(folder)
    for path in weights:
        _check_header(path, folder)
    return weights


def fingerprint_model(folder: Path, files: Sequence[str] = ("*.json", "*.txt", "*.model")) -> str:
    """Hash what decides a model's output: its weights and the files matching these patterns.

    Args:
        folder: A model folder.
        files: Patterns below the folder; one that matches nothing counts as absent.
    Returns:
        64 hexadecimal digits, the same wherever the folder lies.
    """
    total = hashlib.sha256()
    for path in _visible(folder, (WEIGHTS, *files)):
        total.update(f"{path.relative_to(folder).as_posix()} {sha256_file(path)}\n".encode())
    return total.hexdigest()


def torch_device(device: str) -> str:
    """Name the torch device for "auto", "cpu" or "cuda".

    Raises:
        ConfigError: another device, or "cuda" where torch finds none.
    """
    if device == "cpu" or (device == "auto" and not any(Path("/dev").glob("nvidia[0-9]*"))):
        return "cpu"  # without importing torch, which a warm cache never needs
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device != "cuda":
        raise ConfigError(f"unknown device '{device}'. Known: auto, cpu, cuda. Use one of these.")
    if not torch.cuda.is_available():
        raise ConfigError("device 'cuda' needs an NVIDIA GPU that torch can use, found none. Use 'auto' or 'cpu'.")
    return device


def is_offline() -> bool:
    """Tell whether downloads are switched off by HF_HUB_OFFLINE."""
    from huggingface_hub import constants

    return constants.HF_HUB_OFFLINE or os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}


def sha256_file(path: Path) -> str:
    """Hash a file's bytes, as hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _cached(model: str, revision: str | None) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = Path(
            snapshot_download(
                model,
                revision=revision,
                local_files_only=True,
                allow_patterns=_DOWNLOADED,
                ignore_patterns=_LEFT_OUT,
            )
        )
    except LocalEntryNotFoundError:
        return None
    # A stopped download leaves a snapshot without its largest file, the weights; fetch the rest.
    complete = any((folder / name).is_file() for name in (CONFIG, MODULES)) and _visible(folder, (WEIGHTS, *PICKLED))
    return folder if complete else None


def _download(model: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]

    if is_offline():
        raise ConfigError(
            f"model '{model}' is not on this machine, and HF_HUB_OFFLINE forbids downloading it. Unset HF_HUB_OFFLINE, "
            f"or run 'hf download {model}' where there is a network and name the folder it went to."
        )
    selection = {"revision": revision, "allow_patterns": _DOWNLOADED, "ignore_patterns": _LEFT_OUT}
    try:
        files = snapshot_download(model, dry_run=True, **selection)  # type: ignore[call-overload]
        if not any(file.filename.endswith(".safetensors") for file in files):
            raise ArtifactError(
                f"model '{model}': expected safetensors weights, the hub has none. Choose another model."
            )
        n_bytes = sum(file.file_size or 0 for file in files if file.will_download)
        log.warning("downloading model %s, %.0f MB", model, n_bytes / 1e6)
        return Path(snapshot_download(model, **selection))  # type: ignore[call-overload]
    except (HTTPError, OSError) as err:
        reason = str(err).strip().splitlines()[0] if str(err).strip() else type(err).__name__
        raise ConfigError(
            f"model '{model}' is not on this machine and could not be downloaded ({reason}). "
            "Check the name and the network, or name a folder that holds the model."
        ) from err


def _visible(folder: Path, patterns: Iterable[str]) -> list[Path]:
    exported = {"onnx", "openvino"}
    found = {path for pattern in patterns for path in folder.rglob(pattern)}
    return sorted(
        path
        for path in found
        if path.is_file()
        and not any(part in exported or part.startswith(".") for part in path.relative_to(folder).parts)
    )


def _check_shards(folder: Path) -> None:
    index = folder / SHARD_INDEX
    if not index.is_file():
        return
    try:
        shards = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError) as err:
        raise ArtifactError(f"model folder '{folder}': {SHARD_INDEX} is damaged ({err}). Get the model again.") from err
    missing = [name for name in shards if not (folder / name).is_file()]
    if missing:
        raise ArtifactError(
            f"model folder '{folder}': expected {len(shards)} weight files, {missing[0]} is missing. "
            "Get the model again."
        )


def _check_header(path: Path, folder: Path) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np"):
            pass
    except SafetensorError as err:
        raise ArtifactError(
            f"model folder '{folder}': {path.relative_to(folder)} is not a whole safetensors file ({err}). "
            "Get the model again."
        ) from err


def _listing(folder: Path) -> str:
    return _names(path.name for path in folder.iterdir())


def _names(names: Iterable[str]) -> str:
    ordered = sorted(names)
    if not ordered:
        return "an empty folder"
    return ", ".join(ordered[:6]) + (f" and {len(ordered) - 6} more" if len(ordered) > 6 else "")
