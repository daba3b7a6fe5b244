import pytest
import torch
from safetensors.torch import load_file, save_file

from metafuse.encoders.pretrained import first_line, load_frozen
from metafuse.errors import ArtifactError


@pytest.fixture
def folder(tmp_path):
    from transformers import ViTConfig, ViTModel

    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    ViTModel(ViTConfig(image_size=32, patch_size=16, **sizes)).save_pretrained(tmp_path)
    return tmp_path


def without(folder, part: str) -> None:
    path = folder / "model.safetensors"
    kept = {name: weight for name, weight in load_file(path).items() if part not in name}
    save_file(kept, path, metadata={"format": "pt"})


def test_a_model_comes_ready_to_encode(folder):
    model, trained_pooler = load_frozen(folder, "a vision model", "cpu")
    assert not model.training and trained_pooler
    assert next(model.parameters()).dtype == torch.float32


def test_a_pooler_without_weights_is_told_apart(folder):
    without(folder, "pooler")
    _, trained_pooler = load_frozen(folder, "a vision model", "cpu")
    assert not trained_pooler


def test_other_missing_weights_are_refused(folder):
    without(folder, "layernorm")
    with pytest.raises(
        ArtifactError, match=r"expected weights for .*layernorm.* got none for them.*get the model again"
    ):
        load_frozen(folder, "a vision model", "cpu")


def test_a_model_that_is_not_known_is_refused_in_words(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "own", "auto_map": {"AutoModel": "own.Model"}}')
    with pytest.raises(
        ArtifactError, match="expected an audio model that transformers can load without code of its own"
    ):
        load_frozen(tmp_path, "an audio model", "cpu")


def test_the_first_line_of_an_error_is_taken():
    assert first_line(ValueError("no such thing.\nlong story")) == "no such thing"
    assert first_line(ValueError()) == "ValueError"
