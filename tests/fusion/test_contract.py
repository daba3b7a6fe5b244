"""What every fusion in the registry keeps to."""

import numpy as np
import pytest

from metafuse.adaptation import adapt_features, measure
from metafuse.artifact import load_value, save_value
from metafuse.features import Features
from metafuse.fusion import FUSIONS
from metafuse.fusion.plan import FusionPlan
from metafuse.schema import Modality

pytestmark = pytest.mark.parametrize("name", FUSIONS.names())

MODALITIES = {"note": Modality.TEXT, "photo": Modality.IMAGE, "table": Modality.NUMERIC}


def draw(n_rows=90, n_way=3, seed=0):
    generator = np.random.default_rng(seed)
    class_index = np.arange(n_rows) % n_way
    axes = np.eye(8)[class_index]
    matrices = {
        "note": axes + 0.25 * generator.standard_normal((n_rows, 8)),
        "photo": axes[:, :6] + 0.4 * generator.standard_normal((n_rows, 6)),
        "table": class_index[:, None] + generator.standard_normal((n_rows, 2)),
    }
    present = {column: np.ones(n_rows, dtype=bool) for column in matrices}
    return Features({column: x.astype(np.float32) for column, x in matrices.items()}, present, MODALITIES), class_index


def without(features, column, rows):
    present = {name: mask.copy() for name, mask in features.present.items()}
    present[column][rows] = False
    matrices = {name: np.where(present[name][:, None], x, np.float32(0)) for name, x in features.matrices.items()}
    return Features(matrices, present, MODALITIES)


def adapt(name, features, class_index, n_labelled=30, seed=0):
    shown = np.where(np.arange(len(class_index)) < n_labelled, class_index, -1)
    return adapt_features(features, shown, class_shots=None, learner="auto", fusion=name, seed=seed, device="cpu")


def accuracy(model, features, class_index):
    return (model.logits(features).argmax(axis=1) == class_index).mean()


def test_builds_a_plan(name):
    assert isinstance(FUSIONS.build(name), FusionPlan)


def test_tells_separate_classes_apart_and_measures_itself(name):
    features, truth = draw()
    model = adapt(name, features, truth)
    asked, answers = draw(seed=1)
    assert accuracy(model, asked, answers) > 0.9
    np.testing.assert_allclose(np.exp(model.logits(asked)).sum(axis=1), 1, atol=1e-3)
    shown = np.where(np.arange(90) < 30, truth, -1)
    metrics = measure(model.held_out, features, shown, ("a", "b", "c")).as_dict()
    assert metrics["leave_one_out"]["accuracy"] > 0.8
    assert set(metrics["fusion"]) == {"combined", "candidates"}


def test_rows_that_lack_modalities_are_told_by_the_others(name):
    features, truth = draw(150)
    generator = np.random.default_rng(5)
    for column in ("note", "photo"):
        features = without(features, column, np.flatnonzero(generator.random(150) < 0.3))
    model = adapt(name, features, truth, n_labelled=60)
    asked, answers = draw(seed=1)
    assert accuracy(model, without(asked, "note", np.arange(90)), answers) > 0.75
    assert accuracy(model, without(asked, "photo", np.arange(90)), answers) > 0.85


def test_item_with_nothing_gets_uniform_logits(name):
    features, truth = draw()
    model = adapt(name, features, truth)
    bare = features.take(np.arange(2))
    for column in MODALITIES:
        bare = without(bare, column, np.arange(2))
    np.testing.assert_allclose(np.exp(model.logits(bare)), 1 / 3, atol=1e-4)
    np.testing.assert_array_equal(model.p_values(bare), 0)


def test_one_modality_alone(name):
    features, truth = draw()
    model = adapt(name, features.columns(["note"]), truth)
    assert list(model.held_out.experts) == ["fused"]
    assert accuracy(model, features.columns(["note"]), truth) > 0.9


def test_two_classes_with_one_label_each(name):
    features, truth = draw(40, n_way=2)
    model = adapt(name, features, truth, n_labelled=2)
    assert model.logits(features).shape == (40, 2)
    assert accuracy(model, features, truth) > 0.8


def test_same_seed_same_result(name):
    features, truth = draw()
    first, second = (adapt(name, features, truth, seed=4).logits(features) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_saved_model_predicts_bit_for_bit_the_same(name, tmp_path):
    features, truth = draw()
    model = adapt(name, features, truth)
    save_value(model, tmp_path, "model")
    loaded = load_value(tmp_path, "model")
    np.testing.assert_array_equal(loaded.logits(features), model.logits(features))
    np.testing.assert_array_equal(loaded.p_values(features), model.p_values(features))


def test_without_a_pool(name):
    features, truth = draw(45)
    model = adapt(name, features, truth, n_labelled=45)
    asked, answers = draw(seed=1)
    assert accuracy(model, asked, answers) > 0.85
