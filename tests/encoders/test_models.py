import logging
from types import SimpleNamespace

import numpy as np
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors.numpy import save_file

from metafuse.encoders.models import check_weights, find_model, fingerprint_model
from metafuse.errors import ArtifactError, ConfigError


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "model"
    path.mkdir()
    (path / "config.json").write_text("{}")
    save_file({"w": np.zeros(3, dtype=np.float32)}, path / "model.safetensors")
    return path


def test_a_whole_folder_is_found_as_it_is(folder):
    assert find_model(str(folder)) == folder
    assert check_weights(folder) == [folder / "model.safetensors"]


def test_missing_config_is_named_with_what_is_there(folder):
    (folder / "config.json").unlink()
    with pytest.raises(ArtifactError, match=r"expected config.json, got model.safetensors"):
        find_model(folder)


def test_folder_without_weights_is_refused(folder):
    (folder / "model.safetensors").unlink()
    with pytest.raises(ArtifactError, match=r"expected weights \(model.safetensors\), got config.json"):
        find_model(folder)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "model.pt", "model.pkl"])
def test_pickled_weights_alone_are_refused(folder, name):
    (folder / "model.safetensors").rename(folder / name)
    with pytest.raises(ArtifactError, match=f"got {name}, which is pickled"):
        find_model(folder)


def test_pickled_weights_of_a_part_are_refused(folder):
    (folder / "2_Dense").mkdir()
    (folder / "2_Dense" / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(ArtifactError, match=r"2_Dense/pytorch_model.bin, which is pickled"):
        check_weights(folder)


def test_pickled_copy_beside_safetensors_is_ignored(folder):
    (folder / "pytorch_model.bin").write_bytes(b"x")
    assert check_weights(folder) == [folder / "model.safetensors"]


def test_truncated_weights_are_refused(folder):
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4])
    with pytest.raises(ArtifactError, match=r"model.safetensors is not a whole safetensors file"):
        check_weights(folder)


def test_missing_shard_is_named(folder):
    index = '{"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}'
    (folder / "model.safetensors.index.json").write_text(index)
    with pytest.raises(ArtifactError, match=r"expected 2 weight files, model-2.safetensors is missing"):
        check_weights(folder)


def test_damaged_shard_index_is_refused(folder):
    (folder / "model.safetensors.index.json").write_text("[]")
    with pytest.raises(ArtifactError, match=r"index\.json is damaged"):
        check_weights(folder)


def test_missing_folder_is_not_taken_for_a_hub_name(tmp_path):
    with pytest.raises(ConfigError, match="there is no such folder"):
        find_model(tmp_path / "nowhere")


def test_offline_refuses_a_download_with_the_command_that_installs(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ConfigError, match=r"HF_HUB_OFFLINE forbids downloading it.*hf download nobody/nothing"):
        find_model("nobody/nothing")


class Hub:
    """Stands in for snapshot_download: lists these files, then hands out a folder."""

    def __init__(self, files: dict[str, int], folder: object = None, error: Exception | None = None):
        self.files, self.folder, self.error = files, folder, error

    def __call__(self, model: str, *, dry_run: bool = False, local_files_only: bool = False, **selection: object):
        if local_files_only:
            raise LocalEntryNotFoundError("not here")
        if self.error is not None:
            raise self.error
        listed = [
            SimpleNamespace(filename=name, file_size=size, will_download=True) for name, size in self.files.items()
        ]
        return listed if dry_run else str(self.folder)


@pytest.fixture
def set_hub(monkeypatch):
    monkeypatch.setattr("metafuse.encoders.models.is_offline", lambda: False)
    return lambda hub: monkeypatch.setattr("huggingface_hub.snapshot_download", hub)


def test_download_is_announced_with_its_size(set_hub, folder, caplog):
    set_hub(Hub({"model.safetensors": 5_000_000, "config.json": 9}, folder))
    with caplog.at_level(logging.WARNING):
        assert find_model("somebody/something") == folder
    assert "downloading model somebody/something, 5 MB" in caplog.text


def test_hub_model_without_safetensors_is_refused_before_download(set_hub):
    set_hub(Hub({"config.json": 9}))
    with pytest.raises(ArtifactError, match="expected safetensors weights, the hub has none"):
        find_model("somebody/something")


def test_unreachable_hub_is_said_in_words(set_hub):
    set_hub(Hub({}, error=ConnectionError("no route")))
    with pytest.raises(ConfigError, match=r"could not be downloaded \(no route\)"):
        find_model("somebody/something")


def test_fingerprint_follows_the_bytes_and_not_the_place(folder, tmp_path):
    first = fingerprint_model(folder)
    moved = folder.rename(tmp_path / "elsewhere")
    assert fingerprint_model(moved) == first
    (moved / "README.md").write_text("other")
    assert fingerprint_model(moved) == first
    (moved / "config.json").write_text("{ }")
    assert fingerprint_model(moved) != first
