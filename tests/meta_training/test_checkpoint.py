from dataclasses import replace

import numpy as np
import pytest
import torch

import metafuse
from metafuse.base_checkpoint import open_base
from metafuse.errors import ArtifactError, ConfigError
from metafuse.learners import EPISODIC
from metafuse.learners.episodic_spec import LearnerSpec, take_weights
from metafuse.meta_training.checkpoint import Checkpoint, load_checkpoint, load_progress, save_checkpoint
from metafuse.meta_training.loop import meta_train_sources
from metafuse.meta_training.settings import MetaTrainingSettings
from metafuse.meta_training.state import Progress

SETTINGS = MetaTrainingSettings(outer_steps=4, n_tasks=2, eval_every=2, n_val_episodes=4)


@pytest.fixture
def trained(source, spec, sizes):
    progress = meta_train_sources(spec, [source()], sizes, SETTINGS)
    checkpoint = Checkpoint(
        spec, progress.best, {"text": "toy"}, ("toy",), sizes.model_dump(), SETTINGS, progress.history
    )
    return checkpoint, progress


@pytest.fixture
def folder(trained, tmp_path):
    save_checkpoint(tmp_path / "ck", *trained)
    return tmp_path / "ck"


def test_what_is_loaded_is_what_was_saved(trained, folder):
    checkpoint, progress = trained
    found = load_checkpoint(folder)
    assert found.spec == checkpoint.spec
    assert found.settings == checkpoint.settings
    assert found.encoders == checkpoint.encoders
    assert found.history[1:] == checkpoint.history[1:]
    for name, array in checkpoint.weights.items():
        np.testing.assert_array_equal(found.weights[name], array)
    again = load_progress(folder, checkpoint)
    assert (again.step, again.finished) == (progress.step, progress.finished)
    for name, array in progress.optimiser.items():
        np.testing.assert_array_equal(again.optimiser[name], array)


def test_the_learner_is_built_with_its_weights(trained, folder):
    state = load_checkpoint(folder).build().state_dict()
    for name, array in trained[0].weights.items():
        np.testing.assert_array_equal(state[name].numpy(), array)


@pytest.mark.parametrize("name", [name for name in EPISODIC.names() if not name.startswith("l2l-")])
def test_a_base_has_the_maps_of_every_learner(name, source, sizes, tmp_path):
    spec = LearnerSpec(name, "columns", {}, {"dims": {"text": 8}})
    learner = spec.build()
    with torch.no_grad():
        learner.backbone.up["text"].copy_(torch.eye(8))
    checkpoint = Checkpoint(spec, take_weights(learner), {}, ("toy",), sizes.model_dump(), SETTINGS, ())
    save_checkpoint(tmp_path / "ck", checkpoint, Progress(0, {}, {}, {}, (), finished=True))
    base = open_base(tmp_path / "ck")
    np.testing.assert_array_equal(base.residuals["text"], learner.backbone.down["text"].detach().numpy())


def test_nothing_in_it_is_pickled(folder):
    assert {path.suffix for path in folder.iterdir()} == {".json", ".safetensors"}


@pytest.mark.parametrize("name", ["checkpoint.safetensors", "training.json", "backbone.safetensors"])
def test_a_changed_file_is_refused_by_name(name, folder):
    path = folder / name
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ArtifactError, match=f"{name}' was changed"):
        load_checkpoint(folder)


def test_a_half_written_checkpoint_leaves_the_old_one(trained, folder, monkeypatch):
    def fail(*arguments):
        raise OSError(28, "No space left on device")

    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.setattr("metafuse.meta_training.checkpoint.save_value", fail)
    with pytest.raises(ArtifactError, match="cannot be written"):
        save_checkpoint(folder, *trained)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".ck")] == []


def test_weights_of_another_architecture_are_refused_by_name(trained):
    checkpoint = replace(trained[0], spec=LearnerSpec("prototypical", "columns", {}, {"dims": {"text": 9}}))
    with pytest.raises(ArtifactError, match=r"expected weight 'backbone.down.text' of shape \(9, 9\), got \(8, 8\)"):
        checkpoint.build()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sources": ("other",)}, r"sources was \('toy',\), asked for now: \('other',\)"),
        ({"encoders": {"image": "toy"}}, "encoders.text was toy, asked for now: not there"),
        ({"settings": replace(SETTINGS, outer_lr=1.0, seed=3)}, r"settings.outer_lr was 0.001, asked for now: 1.0"),
        ({"spec": LearnerSpec("ridge", "columns")}, "spec.learner was prototypical, asked for now: ridge"),
        (
            {"spec": LearnerSpec("prototypical", "columns", {"distance": "cosine", "scale": 9.0})},
            "spec.learner_options.scale was 5.0, asked for now: 9.0",
        ),
    ],
)
def test_another_training_is_not_resumed_and_the_first_difference_is_named(change, said, trained, folder):
    with pytest.raises(ConfigError, match=rf"cannot be resumed: its {said}\. Give the same arguments"):
        load_progress(folder, replace(trained[0], **change))


def test_a_checkpoint_that_a_killed_save_moved_aside_is_put_back(trained, folder):
    (folder.parent / ".ck.old.abcd_123").mkdir()
    folder.rename(folder.parent / ".ck.old.abcd_123" / "run")
    assert load_checkpoint(folder).spec == trained[0].spec


def test_a_checkpoint_is_no_run_and_said_to_be_a_checkpoint(folder):
    with pytest.raises(ArtifactError, match=r"ck' is a checkpoint, not a run\. Expected a folder that adapt wrote"):
        metafuse.load(folder)


def test_a_folder_without_a_checkpoint_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArtifactError, match="holds no checkpoint"):
        load_checkpoint(tmp_path / "empty")
