from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from metafuse import episode_benchmark
from metafuse.episode_benchmark import bench
from metafuse.errors import ArtifactError, ConfigError, EpisodeError
from metafuse.meta_training.settings import MetaTrainingSettings
from metafuse.meta_training.tasks import meta_train

QUICK = MetaTrainingSettings(outer_steps=2, n_tasks=2, eval_every=2, n_val_episodes=4, device="cpu")


def test_each_learner_stands_beside_nearest_prototype_over_the_same_episodes(department):
    table = bench([department()], ["ridge", "prototypical"], n_episodes=16, device="cpu")
    assert table["learner"].tolist() == ["nearest prototype, frozen", "ridge", "prototypical"]
    assert (table["task"] == "dept").all()
    assert (table["episodes"] == 16).all()
    assert (table["protocol"] == "inductive").all()
    np.testing.assert_allclose(table["gain"], (table["accuracy"] - table["accuracy"][0]).round(2), atol=0.011)
    assert table["gain ±"][0] == 0


def test_a_task_with_meta_test_classes_is_measured_on_these_alone(department):
    table = bench([department(more="meta_test = ['topic 1', 'topic 2']")], [], n_way=2, n_episodes=8, device="cpu")
    assert len(table) == 1
    assert table["classes"].tolist() == ["meta_test"]
    with pytest.raises(EpisodeError, match="n_way=3 needs 3 meta_test classes, got 2"):
        bench([department(more="meta_test = ['topic 1', 'topic 2']")], [], n_way=3, n_episodes=8, device="cpu")


def test_a_checkpoint_is_measured_with_its_learner(department, tmp_path):
    meta_train([department()], "ridge", tmp_path / "ck", settings=QUICK)
    table = bench([department()], [], [tmp_path / "ck"], n_episodes=8, device="cpu")
    assert table["learner"].tolist() == ["nearest prototype, frozen", "ridge (ck)"]
    assert table["classes"].tolist() == ["all", "all, seen in training"]


def test_a_checkpoint_on_other_sources_has_not_seen_the_classes(department, tmp_path):
    meta_train([department()], "ridge", tmp_path / "ck", settings=QUICK)
    table = bench([department("other")], [], [tmp_path / "ck"], n_episodes=8, device="cpu")
    assert table["classes"].tolist() == ["all", "all"]


def test_held_out_classes_of_a_source_trained_on_are_not_seen(department, tmp_path):
    task = department(more="meta_test = ['topic 1', 'topic 2']")
    meta_train([task], "ridge", tmp_path / "ck", settings=QUICK)
    table = bench([task], [], [tmp_path / "ck"], n_way=2, n_episodes=8, device="cpu")
    assert table["classes"].tolist() == ["meta_test", "meta_test"]


def test_a_checkpoint_on_features_of_another_encoder_is_refused(department, tmp_path, monkeypatch):
    meta_train([department()], "ridge", tmp_path / "ck", settings=QUICK)
    read = episode_benchmark.read_training_source

    def read_otherwise(*args, **options):
        return replace(read(*args, **options), encoders={"text": "another model"})

    monkeypatch.setattr(episode_benchmark, "read_training_source", read_otherwise)
    with pytest.raises(ArtifactError, match=r"was trained on text features of .*, this source's are of another model"):
        bench([department()], [], [tmp_path / "ck"], n_episodes=8, device="cpu")


def test_a_checkpoint_on_texts_is_refused_for_a_source_without_any(department, photo, tmp_path):
    meta_train([department()], "ridge", tmp_path / "ck", settings=QUICK)
    photos = pd.DataFrame({"photo": [photo((200, 40, 40), seed) for seed in range(8)], "label": list("aabb") * 2})
    with pytest.raises(ConfigError, match="knows text, the source has image"):
        bench([photos], [], [tmp_path / "ck"], n_episodes=8, device="cpu")


def test_a_source_without_held_out_classes_is_short_of_all_classes(department):
    with pytest.raises(EpisodeError, match="n_way=9 needs 9 all classes, got 8"):
        bench([department()], [], n_way=9, n_episodes=8, device="cpu")


def test_an_unknown_learner_is_refused(department):
    with pytest.raises(ConfigError, match="unknown episodic learner 'magic'"):
        bench([department()], ["magic"], device="cpu")
