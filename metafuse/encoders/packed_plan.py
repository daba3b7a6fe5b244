"""Decide from a model folder's files, without torch, whether the packed BERT forward computes that model exactly."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metafuse.encoders.text_models import module_folders, read_json
from metafuse.errors import ArtifactError

# Keys of config.json with the value the packed forward implements (a missing key has this value).
REQUIRED_CONFIG = {
    "hidden_act": "gelu",
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "add_cross_attention": False,
    "auto_map": None,
    "quantization_config": None,
}


@dataclass(frozen=True)
class PackedPlan:
    """What the packed path needs to know of a model."""

    transformer: Path
    pooling: str
    dim: int
    max_length: int


def plan_packed(folder: Path) -> PackedPlan | str:
    """Return the plan, or in words why this model takes the generic path."""
    names = [module.get("type", "") for module in read_json(folder / "modules.json") or []]
    kinds = [name.rsplit(".", 1)[-1] if name.startswith("sentence_transformers.") else name for name in names]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        return f"its modules are {kinds or 'not listed'}, not Transformer, Pooling, Normalize"
    transformer, pooling_folder = module_folders(folder)[:2]
    config = read_json(transformer / "config.json")
    pooling = _pooling(read_json(pooling_folder / "config.json"))
    problem = (
        _config_problem(config)
        or (pooling not in ("mean", "cls") and f"its pooling is {pooling!r}")
        or _encode_problem(folder, transformer)
        or _tokenizer_problem(transformer)
        or _weights_problem(transformer)
    )
    if problem:
        return problem
    return PackedPlan(transformer, pooling, int(config["hidden_size"]), _max_length(transformer, config))


def _config_problem(config: dict[str, Any]) -> str | None:
    if config.get("model_type") != "bert":
        return f"its architecture is {config.get('model_type')!r}, not 'bert'"
    for key, value in REQUIRED_CONFIG.items():
        if config.get(key, value) != value:
            return f"its config.json has {key}={config[key]!r}"
    missing = {"hidden_size", "num_attention_heads", "num_hidden_layers"} - config.keys()
    return f"its config.json lacks {sorted(missing)}" if missing else None


def _pooling(config: dict[str, Any]) -> str:
    if "pooling_mode" in config:
        mode = config["pooling_mode"]
        return mode if isinstance(mode, str) else "+".join(mode)
    prefix = "pooling_mode_"
    on = [key.removeprefix(prefix) for key, value in config.items() if key.startswith(prefix) and value is True]
    return "+".join(on).replace("cls_token", "cls").replace("mean_tokens", "mean")


def _sentence_config(transformer: Path) -> dict[str, Any]:
    found = sorted(transformer.glob("sentence_*_config.json"))
    return read_json(found[0]) if found else {}


def _encode_problem(folder: Path, transformer: Path) -> str | None:
    if read_json(folder / "config_sentence_transformers.json").get("default_prompt_name"):
        return "it puts a default prompt before each text"
    known = {"max_seq_length", "do_lower_case", "transformer_task", "modality_config", "module_output_name"}
    config = _sentence_config(transformer)
    if unknown := sorted(config.keys() - known):
        return f"its sentence_bert_config.json sets {unknown}"
    return "it lower-cases before its tokenizer" if config.get("do_lower_case") else None


def _tokenizer_problem(transformer: Path) -> str | None:
    config = read_json(transformer / "tokenizer_config.json")
    rules = read_json(transformer / "tokenizer.json")
    if not rules or config.get("tokenizer_class") not in ("BertTokenizer", "BertTokenizerFast"):
        return f"its tokenizer is {config.get('tokenizer_class')!r}, or has no tokenizer.json"
    # transformers rebuilds these from tokenizer_config.json, so both files have to say the same.
    expected = {
        "type": "BertNormalizer",
        "clean_text": True,
        "handle_chinese_chars": config.get("tokenize_chinese_chars", True),
        "strip_accents": config.get("strip_accents"),
        "lowercase": config.get("do_lower_case", True),
    }
    if rules.get("normalizer") != expected or rules.get("pre_tokenizer") != {"type": "BertPreTokenizer"}:
        return "its tokenizer.json and tokenizer_config.json differ"
    return "its tokenizer truncates on the left" if config.get("truncation_side", "right") != "right" else None


def _weights_problem(transformer: Path) -> str | None:
    path = transformer / "model.safetensors"
    if not path.is_file():
        return "its weights are in several files"
    with path.open("rb") as file:
        try:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        except (ValueError, OverflowError, MemoryError) as err:
            raise ArtifactError(f"{path}: expected safetensors, got {err}. Fetch the model again.") from err
    tensors = {name.removeprefix("bert."): info for name, info in header.items() if name != "__metadata__"}
    if any(info["dtype"] not in ("F32", "I64") for info in tensors.values()):
        return "its weights are not float32"
    needed = ("embeddings.LayerNorm.weight", "encoder.layer.0.attention.self.query.weight")
    return None if all(name in tensors for name in needed) else "its weights are not named as BERT's"


def _max_length(transformer: Path, config: dict[str, Any]) -> int:
    model = int(config.get("max_position_embeddings", 512))
    tokenizer = read_json(transformer / "tokenizer_config.json").get("model_max_length", model)
    return int(min(model, _sentence_config(transformer).get("max_seq_length") or tokenizer))
