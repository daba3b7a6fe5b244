import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

import metafuse
from metafuse.errors import ArtifactError, ConfigError, EpisodeError, SchemaError
from metafuse.meta_training.checkpoint import load_checkpoint, load_progress, save_checkpoint
from metafuse.meta_training.settings import MetaTrainingSettings
from metafuse.meta_training.tasks import meta_train
from metafuse.task import EpisodeSizes

QUICK = MetaTrainingSettings(outer_steps=4, n_tasks=2, eval_every=2, n_val_episodes=4, device="cpu")


def change_map(folder):
    """Replace the trained map by one that changes every embedding."""
    checkpoint = load_checkpoint(folder)
    weights = dict(checkpoint.weights)
    up = np.random.default_rng(0).standard_normal(weights["backbone.up.text"].shape)
    weights["backbone.up.text"] = up.astype(np.float32)
    save_checkpoint(folder, replace(checkpoint, weights=weights), load_progress(folder, checkpoint))


def test_a_checkpoint_is_what_was_returned_and_carries_its_encoders(department, tmp_path):
    found = meta_train([department()], "prototypical", tmp_path / "ck", settings=QUICK)
    saved = load_checkpoint(tmp_path / "ck")
    assert saved.sources == ("dept",)
    assert saved.encoders.keys() == {"text"}
    assert saved.spec.backbone_options == {"dims": {"text": 32}}
    assert [each.step for each in saved.history] == [0, 2, 4]
    for name, array in found.weights.items():
        np.testing.assert_array_equal(saved.weights[name], array)


def test_validation_takes_the_classes_there_are_and_says_so(department, tmp_path, caplog):
    sizes = EpisodeSizes(n_way=4, k_shot=1, n_query=1)
    with caplog.at_level("INFO", logger="metafuse"):
        found = meta_train([department()], "prototypical", tmp_path / "ck", settings=QUICK, sizes=sizes)
    assert found.sizes["n_way"] == 4
    assert "validation episodes have 2 classes instead of 4" in caplog.text


def test_classes_too_small_for_episodes_are_named(department, tmp_path, caplog):
    notes = [f"topic {place % 8}" if place else "lonely" for place in range(96)]
    with caplog.at_level("INFO", logger="metafuse"):
        meta_train(
            [department(topic=notes, more="meta_train = ['lonely', 'topic 3', 'topic 4', 'topic 5']")],
            "prototypical", tmp_path / "ck", settings=QUICK,
        )  # fmt: skip
    assert "source 'dept': 1 classes are too small for episodes: lonely" in caplog.text


def test_a_generator_is_as_wide_as_the_sources(department, tmp_path):
    priced = department("priced", price=np.arange(96) % 7 * 1.5)
    found = meta_train([priced], "cvae", tmp_path / "ck", settings=QUICK)
    assert found.spec.learner_options == {"dim": 33}
    with pytest.raises(ConfigError, match=r"learner 'cvae' works in embeddings of one length, .*'plain': 32"):
        meta_train([department("plain"), priced], "cvae", tmp_path / "other", settings=QUICK)


def test_sources_of_different_modalities_train_together(department, tmp_path):
    plain, priced = department("plain"), department("priced", price=np.arange(96) % 7 * 1.5)
    found = meta_train([plain, priced], "prototypical", tmp_path / "ck", settings=QUICK)
    assert found.sources == ("plain", "priced")
    assert found.spec.backbone_options["dims"] == {"text": 32}


def test_a_killed_training_resumes_to_the_same_bits(department, tmp_path):
    task = department()
    whole = meta_train([task], "prototypical", tmp_path / "whole", settings=replace(QUICK, outer_steps=400))
    arguments = ["meta-train", str(task), "--learner", "prototypical", "--out", str(tmp_path / "killed")]
    arguments += [
        "--outer-steps",
        "400",
        "--n-tasks",
        "2",
        "--eval-every",
        "2",
        "--n-val-episodes",
        "4",
        "--device",
        "cpu",
    ]
    process = subprocess.Popen([sys.executable, "-m", "metafuse", *arguments], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (tmp_path / "killed" / "checkpoint.json").is_file() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    resumed = meta_train(
        [task], "prototypical", tmp_path / "killed", settings=replace(QUICK, outer_steps=400), resume=True
    )
    assert resumed.history[1:] == whole.history[1:]
    for name, array in whole.weights.items():
        np.testing.assert_array_equal(resumed.weights[name], array)


def test_a_checkpoint_in_the_way_is_not_overwritten(department, tmp_path):
    meta_train([department()], "prototypical", tmp_path / "ck", settings=QUICK)
    with pytest.raises(ConfigError, match="holds a checkpoint already"):
        meta_train([department()], "prototypical", tmp_path / "ck", settings=QUICK)


def test_nothing_to_resume_is_said(department, tmp_path):
    with pytest.raises(ConfigError, match="holds no checkpoint to resume"):
        meta_train([department()], "prototypical", tmp_path / "ck", settings=QUICK, resume=True)


def test_something_else_at_out_is_left_alone(department, tmp_path):
    (tmp_path / "ck").mkdir()
    (tmp_path / "ck" / "thesis.txt").write_text("mine")
    with pytest.raises(ArtifactError, match="exists and is no saved run"):
        meta_train([department()], "prototypical", tmp_path / "ck", settings=QUICK)
    assert (tmp_path / "ck" / "thesis.txt").read_text() == "mine"


def test_runs_and_checkpoints_do_not_replace_each_other(department, tmp_path):
    task = department()
    meta_train([task], "prototypical", tmp_path / "ck", settings=QUICK)
    with pytest.raises(ArtifactError, match="another kind"):
        metafuse.adapt(task, base=tmp_path / "ck", out=tmp_path / "ck")
    metafuse.adapt(task, out=tmp_path / "run")
    with pytest.raises(ArtifactError, match="another kind"):
        meta_train([task], "prototypical", tmp_path / "run", settings=QUICK)


def test_a_log_that_cannot_be_written_is_said_before_training(department, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match=r"the log in '.*file' cannot be written \(File exists\)"):
        meta_train([department()], "prototypical", tmp_path / "ck", settings=QUICK, log_folder=tmp_path / "file")
    assert not (tmp_path / "ck").exists()


def test_channels_that_no_image_has_are_refused(department, tmp_path):
    with pytest.raises(ConfigError, match=r"expected in_channels of 1 \(grey\) or 3 \(colour\) for images, got 2"):
        meta_train(
            [department()], "prototypical", tmp_path / "ck", backbone="conv4", backbone_options={"in_channels": 2}
        )


def test_within_group_episodes_need_a_group_column(department, tmp_path):
    sizes = EpisodeSizes(n_way=2, k_shot=1, n_query=1, within_group=True)
    with pytest.raises(EpisodeError, match="group"):
        meta_train([department()], "prototypical", tmp_path / "ck", settings=QUICK, sizes=sizes)


def test_a_group_column_that_is_not_there_is_named(department, tmp_path):
    with pytest.raises(ConfigError, match="source 'dept' has no column 'domain'"):
        meta_train([department(more="group_column = 'domain'")], "prototypical", tmp_path / "ck", settings=QUICK)


def test_classes_in_two_splits_are_refused(department, tmp_path):
    more = "meta_test = ['topic 1']\nmeta_train = ['topic 1', 'topic 2']"
    with pytest.raises(EpisodeError, match="class 'topic 1' is in meta_"):
        meta_train([department(more=more)], "prototypical", tmp_path / "ck", settings=QUICK)


def test_a_source_without_labels_is_refused(tmp_path):
    (tmp_path / "notes.csv").write_text("note\n" + "\n".join(f"this is the long note number {n}" for n in range(30)))
    with pytest.raises(SchemaError, match="has no label column"):
        meta_train([tmp_path / "notes.csv"], "prototypical", tmp_path / "ck", settings=QUICK)


def test_unknown_learners_and_no_sources_are_refused(department, tmp_path):
    with pytest.raises(ConfigError, match="unknown episodic learner 'magic'"):
        meta_train([department()], "magic", tmp_path / "ck", settings=QUICK)
    with pytest.raises(ConfigError, match="expected at least one source"):
        meta_train([], "prototypical", tmp_path / "ck", settings=QUICK)


def test_a_backbone_that_takes_no_images_is_refused(department, tmp_path):
    with pytest.raises(ConfigError, match="backbone 'cnn1d' takes no images"):
        meta_train([department()], "prototypical", tmp_path / "ck", settings=QUICK, backbone="cnn1d")
    with pytest.raises(SchemaError, match="expected one image column for a backbone on raw images, got 0"):
        meta_train([department()], "prototypical", tmp_path / "ck", settings=QUICK, backbone="conv4")


def test_a_log_is_written_that_tensorboard_reads(department, tmp_path):
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    meta_train([department()], "prototypical", tmp_path / "ck", settings=QUICK, log_folder=tmp_path / "log")
    events = reader.EventAccumulator(str(tmp_path / "log"))
    events.Reload()
    assert [event.step for event in events.Scalars("meta_val/accuracy")] == [0, 2, 4]
    assert [event.step for event in events.Scalars("meta_train/loss")] == [2, 4]


@pytest.mark.parametrize("learner", ["auto", "prototypical"])
def test_adapt_starts_from_a_checkpoint(learner, department, tmp_path):
    task = department()
    meta_train([task], "prototypical", tmp_path / "ck", settings=QUICK)
    change_map(tmp_path / "ck")
    plain = metafuse.adapt(task, learner=learner)
    based = metafuse.adapt(task, learner=learner, base=tmp_path / "ck", out=tmp_path / "run")
    assert based.facts()["base"] == str(tmp_path / "ck")
    assert not np.allclose(based.state.embeddings, plain.state.embeddings)
    again = metafuse.load(tmp_path / "run")
    rows = again.rows.frame.head(5)
    np.testing.assert_array_equal(again.predict_proba(rows), based.predict_proba(rows))


def test_adapt_uses_the_checkpoints_learner_by_name(department, tmp_path):
    task = department()
    meta_train([task], "ridge", tmp_path / "ck", settings=QUICK)
    run = metafuse.adapt(task, learner="ridge", base=tmp_path / "ck", out=tmp_path / "run")
    assert run.metrics["leave_one_out"]["accuracy"] > 0.5
    rows = run.rows.frame.head(5)
    np.testing.assert_array_equal(metafuse.load(tmp_path / "run").predict_proba(rows), run.predict_proba(rows))
    with pytest.raises(ConfigError, match=r"learner 'matching': checkpoint .* was trained with 'ridge'"):
        metafuse.adapt(task, learner="matching", base=tmp_path / "ck")


def test_an_episodic_learner_without_a_checkpoint_starts_plain_and_says_so(department):
    run = metafuse.adapt(department(), learner="ridge")
    assert any("was not meta-trained" in note for note in run.facts()["notes"])
    assert run.metrics["leave_one_out"]["accuracy"] > 0.5


def test_a_checkpoint_of_another_encoder_is_refused(department, tmp_path):
    task = department()
    meta_train([task], "prototypical", tmp_path / "ck", settings=QUICK)
    other = load_checkpoint(tmp_path / "ck")
    from metafuse.base_checkpoint import open_base

    base = open_base(tmp_path / "ck")
    with pytest.raises(ArtifactError, match="was trained on text features of"):
        base.check_encoders({"text": "another"})
    with pytest.raises(ConfigError, match="knows text, the source has image"):
        base.check_encoders({"image": "handcrafted"})
    base.check_encoders(other.encoders)


def test_a_source_that_changed_is_not_trained_on_further(department, tmp_path):
    task = department()
    meta_train([task], "prototypical", tmp_path / "ck", settings=QUICK)
    csv = tmp_path / "dept.csv"
    csv.write_text(csv.read_text().replace("charger", "coat"))
    with pytest.raises(
        ConfigError, match=r"cannot be resumed: source 'dept' is not what it was trained on so far, its"
    ):
        meta_train([task], "prototypical", tmp_path / "ck", settings=QUICK, resume=True)


def test_column_tokens_train_on_varied_schemas_and_are_adapted_to_another(department, tmp_path, monkeypatch):
    for module in ("metafuse.meta_training.sources", "metafuse.fusion.attention"):
        monkeypatch.setattr(f"{module}.encode_names", lambda names: np.ones((len(names), 384), dtype=np.float32))
    priced = department("priced", price=np.arange(96) % 7 * 1.5, more="meta_train = ['topic 1', 'topic 2', 'topic 3']")
    found = meta_train([priced], "prototypical", tmp_path / "ck", backbone="column_tokens", settings=QUICK)
    assert (found.spec.backbone, found.sources) == ("column_tokens", ("priced",))
    assert found.spec.backbone_options == {"dims": {"text": 32}, "modalities": ["numeric", "text"]}
    assert (
        meta_train(
            [priced], "prototypical", tmp_path / "ck", backbone="column_tokens", settings=QUICK, resume=True
        ).history[1:]
        == found.history[1:]
    )
    other = department("other", weight=np.arange(96) % 5 * 1.0, shelf=np.arange(96) % 11 * 1.0)
    run = metafuse.adapt(other, base=tmp_path / "ck", out=tmp_path / "run")
    embedding = run.embed(other)
    np.testing.assert_allclose(metafuse.load(tmp_path / "run").embed(other), embedding, atol=1e-6)
    with pytest.raises(ConfigError, match=r"weighs columns and serves as the fusion only\. Use --learner auto"):
        metafuse.adapt(other, base=tmp_path / "ck", learner="ridge")
