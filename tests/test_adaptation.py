import numpy as np
import pytest

from metafuse.adaptation import adapt_features, columns_by_modality, measure
from metafuse.errors import ConfigError, EpisodeError, SchemaError
from metafuse.features import Features
from metafuse.learners import LEARNERS
from metafuse.learners.base import HeldOut
from metafuse.schema import Modality

CLASSES = ("late", "power", "size")


@pytest.fixture(scope="module")
def source():
    """90 rows of three classes: text tells them apart, images are noise, and a number helps a little."""
    generator = np.random.default_rng(0)
    class_index = np.arange(90) % 3
    matrices = {
        "note": np.eye(10)[class_index] + 0.3 * generator.standard_normal((90, 10)),
        "photo": generator.standard_normal((90, 8)),
        "table": class_index[:, None] + generator.standard_normal((90, 1)) * [[1, 1]],
    }
    modalities = {"note": Modality.TEXT, "photo": Modality.IMAGE, "table": Modality.NUMERIC}
    present = {name: np.ones(90, dtype=bool) for name in matrices}
    return Features({name: matrix.astype(np.float32) for name, matrix in matrices.items()}, present, modalities)


@pytest.fixture(scope="module")
def class_index():
    """The first eight rows of each class are labelled."""
    return np.where(np.arange(90) < 24, np.arange(90) % 3, -1)


@pytest.fixture(scope="module")
def adapt():
    def run(features, class_index, *, learner="auto", fusion="auto", seed=0):
        return adapt_features(
            features, class_index, class_shots=None, learner=learner, fusion=fusion, seed=seed, device="cpu"
        )

    return run


@pytest.fixture(scope="module")
def metrics(source, class_index, adapt):
    return measure(adapt(source, class_index).held_out, source, class_index, CLASSES)


@pytest.mark.parametrize(
    ("fusion", "experts"),
    [("early", ["fused"]), ("late", ["text", "image", "table"]), ("auto", ["fused", "text", "image", "table"])],
)
def test_fusion_decides_the_experts(fusion, experts, source, class_index, adapt):
    adapted = adapt(source, class_index, fusion=fusion)
    assert sorted(adapted.held_out.experts) == sorted(experts)
    assert (adapted.logits(source).argmax(axis=1) == np.arange(90) % 3).mean() > 0.85


@pytest.mark.parametrize("learner", [name for name in LEARNERS.names() if name != "auto"])
def test_plain_learners_take_the_fused_view(learner, source, class_index, adapt):
    adapted = adapt(source, class_index, learner=learner)
    assert list(adapted.held_out.experts) == ["fused"]


def test_one_modality_has_one_expert(source, class_index, adapt):
    adapted = adapt(source.columns(["note"]), class_index)
    assert list(adapted.held_out.experts) == ["fused"]


def test_strong_modality_leads_the_fused_embedding(source, class_index, adapt):
    weights = adapt(source, class_index, fusion="early").surroundings[0].fusion.weights
    assert weights["note"] == 1
    assert weights["table"] < 1
    assert weights["photo"] == pytest.approx(0.1, abs=0.1)


def test_modality_weights_without_held_out_labels_are_the_prior(source, adapt):
    class_index = np.where(np.arange(90) < 3, np.arange(90), -1)
    weights = adapt(source, class_index, fusion="early").surroundings[0].fusion.weights
    assert weights == pytest.approx({"note": 1.0, "photo": 0.5, "table": 0.3})


def test_adapting_twice_gives_the_same(source, class_index, adapt):
    first, second = (adapt(source, class_index, seed=4).logits(source) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_unknown_fusion_is_refused(source, class_index, adapt):
    with pytest.raises(
        ConfigError, match=r"unknown fusion 'middle'\. Known: attention, auto, bagging, bilinear, boosting, early"
    ):
        adapt(source, class_index, fusion="middle")


def test_unknown_learner_is_refused(source, class_index, adapt):
    with pytest.raises(ConfigError, match="unknown learner 'forest'"):
        adapt(source, class_index, learner="forest")


def test_labels_of_one_class_are_refused(source, adapt):
    with pytest.raises(EpisodeError, match="at least two classes, got 1"):
        adapt(source, np.where(np.arange(90) < 5, 0, -1))


def test_source_without_values_is_refused(source, class_index, adapt):
    nothing = {name: np.zeros(90, dtype=bool) for name in source.present}
    with pytest.raises(
        SchemaError, match="expected a column with values to learn from, got none: every cell is empty or"
    ):
        adapt(Features(source.matrices, nothing, source.modalities), class_index)


def test_column_that_labelled_rows_lack_is_no_hindrance(source, class_index, adapt):
    present = source.present | {"photo": class_index < 0}
    matrices = source.matrices | {"photo": source.matrices["photo"] * present["photo"][:, None]}
    features = Features(matrices, present, source.modalities)
    held_out = adapt(features, class_index).held_out
    assert "image" not in held_out.experts
    assert measure(held_out, features, class_index, CLASSES).leave_one_out.share > 0.8


def test_columns_are_grouped_and_empty_ones_left_out():
    matrices = {name: np.ones((2, 2), dtype=np.float32) for name in ("note", "title", "gone", "table")}
    matrices["hollow"] = np.ones((2, 0), dtype=np.float32)
    present = {name: np.array([name != "gone", False]) for name in matrices}
    modalities = dict.fromkeys(matrices, Modality.TEXT) | {"table": Modality.NUMERIC}
    assert columns_by_modality(Features(matrices, present, modalities)) == {
        "text": ["note", "title"],
        "table": ["table"],
    }


def test_metrics_count_the_held_out_rows(metrics):
    assert metrics.leave_one_out.n == metrics.baseline.n == 24
    assert metrics.n_folds == 8
    assert metrics.leave_one_out.share > 0.8
    assert [found.label for found in metrics.classes] == list(CLASSES)
    assert sum(found.accuracy.hits for found in metrics.classes) == metrics.leave_one_out.hits
    assert sum(count for _, _, count in metrics.confusions) == 24 - metrics.leave_one_out.hits


def test_contributions_tell_the_modalities_apart(metrics):
    text, image = metrics.modalities["text"], metrics.modalities["image"]
    assert text.alone.share > 0.8
    assert image.alone.share < 0.6
    assert text.without.share < image.without.share
    assert image.weight < 0.1
    assert metrics.modalities["fused"].without is None
    assert sum(found.weight for found in metrics.modalities.values()) == pytest.approx(1)


def test_baseline_beats_chance_but_not_the_model(metrics):
    assert 1 / 3 < metrics.baseline.share <= metrics.leave_one_out.share


def test_measures_by_hand(source, class_index):
    text = np.log([[0.8, 0.1, 0.1], [0.8, 0.1, 0.1], [0.1, 0.1, 0.8]]).astype(np.float32)
    image = np.zeros((3, 3), dtype=np.float32)
    held_out = HeldOut(
        rows=np.arange(3),
        class_index=np.array([0, 1, 2]),
        log_probabilities=text,
        experts={"text": text, "image": image},
        weights={"text": 1.0, "image": 1.0},
        n_folds=2,
    )
    found = measure(held_out, source, class_index, CLASSES)
    assert (found.leave_one_out.hits, found.leave_one_out.n) == (2, 3)
    assert found.confusions == (("power", "late", 1),)
    assert [one.accuracy.hits for one in found.classes] == [1, 0, 1]
    assert found.modalities["text"].weight == 1
    assert found.modalities["image"].weight == 0
    assert found.modalities["image"].without.hits == 2


def test_one_label_a_class_measures_nothing(source, adapt):
    class_index = np.where(np.arange(90) < 3, np.arange(90), -1)
    found = measure(adapt(source, class_index).held_out, source, class_index, CLASSES)
    assert found.leave_one_out.n == found.baseline.n == 0
    assert found.confusions == ()
    assert found.modalities["text"].without is None
