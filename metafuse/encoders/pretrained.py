"""Pretrained models of transformers, loaded frozen: safetensors only, from disk only, no code of their own."""

from pathlib import Path
from typing import Any

from metafuse.errors import ArtifactError

PREPROCESSORS = ("preprocessor_config.json", "processor_config.json")
"""Files that say how a model's inputs are prepared."""

_NOT_ASKED_FOR = ("mask_token", "masked_spec_embed")
"""Weights that only training uses."""


def check_preprocessor(folder: Path, advice: str) -> Path:
    """Check that a model folder says how its inputs are prepared.

    Args:
        folder: A model folder.
        advice: What the file is for and how to get it, for the message.
    Returns:
        The folder.
    Raises:
        ArtifactError: it does not.
    """
    if not any((folder / name).is_file() for name in PREPROCESSORS):
        raise ArtifactError(f"model folder '{folder}': expected {PREPROCESSORS[0]}, got none. {advice}")
    return folder


def load_frozen(folder: Path, what: str, device: str) -> tuple[Any, bool]:
    """Load a model for encoding.

    Args:
        folder: A model folder.
        what: What kind of model is expected, for messages: "a vision model".
        device: Where it runs, as torch names it.
    Returns:
        The model, and whether its pooled output was trained.
    Raises:
        ArtifactError: transformers cannot load it without code of its own, or weights are missing.
    """
    import torch
    from transformers import AutoModel

    try:
        model, loading = AutoModel.from_pretrained(
            str(folder),
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
            dtype=torch.float32,
        )
    except (ValueError, OSError, KeyError, ImportError) as err:
        raise ArtifactError(
            f"model folder '{folder}': expected {what} that transformers can load without code of its own "
            f"({first_line(err)}). Choose another model."
        ) from err
    untrained = sorted(name for name in loading["missing_keys"] if not any(part in name for part in _NOT_ASKED_FOR))
    lost = [name for name in untrained if "pooler" not in name]
    if lost:
        raise ArtifactError(
            f"model folder '{folder}': expected weights for {lost[0]} and {len(lost) - 1} more, got none for them. "
            "The weights belong to another configuration; get the model again."
        )
    return model.eval().to(device), not untrained


def first_line(err: BaseException) -> str:
    """First line of what an error says."""
    return (str(err).strip().splitlines() or [type(err).__name__])[0].rstrip(".")
