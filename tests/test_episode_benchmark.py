import numpy as np
import pytest

from metafuse.episode_benchmark import bench
from metafuse.errors import ConfigError
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
    with pytest.raises(Exception, match="n_way=3"):
        bench([department(more="meta_test = ['topic 1', 'topic 2']")], [], n_way=3, n_episodes=8, device="cpu")


def test_a_checkpoint_is_measured_with_its_learner(department, tmp_path):
    meta_train([department()], "ridge", tmp_path / "ck", settings=QUICK)
    table = bench([department()], [], [tmp_path / "ck"], n_episodes=8, device="cpu")
    assert table["learner"].tolist() == ["nearest prototype, frozen", "ridge (ck)"]


def test_an_unknown_learner_is_refused(department):
    with pytest.raises(ConfigError, match="unknown episodic learner 'magic'"):
        bench([department()], ["magic"], device="cpu")
