import numpy as np
import pytest


@pytest.fixture
def weights(sample, names, learner_for):
    """Adapt `auto` to text that tells the classes apart and images of pure noise; expert weights."""

    def run(k_shot, *, named, pooled=True):
        generator = np.random.default_rng(3)
        support, pool = sample([k_shot] * 4, spread=0.3), sample([25] * 4, 1, spread=0.3)
        for drawn in (support, pool):
            drawn.image[:] = generator.standard_normal(drawn.image.shape)
        learner = learner_for("auto", pool.features)
        shots, hidden = names(4) if named else None, pool.features if pooled else None
        return learner.adapt(support.features, support.class_index, pool=hidden, class_shots=shots).held_out.weights

    return run


def test_expert_on_noise_gets_next_to_no_weight(weights):
    found = weights(10, named=False)
    assert found["image"] < 0.1
    assert found["text"] + found["fused"] > 0.5


def test_one_label_a_class_weighs_by_agreement_with_the_named_view(weights):
    found = weights(1, named=True)
    assert found["text"] == 1
    assert found["fused"] == 0
    assert found["image"] < 0.2


def test_one_label_a_class_without_names_weighs_by_agreement_with_the_text(weights):
    found = weights(1, named=False)
    assert found["text"] == 1
    assert found["fused"] == 0
    assert found["image"] < 0.2


def test_one_label_a_class_without_a_pool_leaves_the_fused_expert_alone(weights):
    assert weights(1, named=True, pooled=False) == {"fused": 1, "text": 0, "image": 0}


def test_view_without_labelled_rows_gets_no_expert(sample, learner_for):
    support, pool = sample([5, 5]), sample([10, 10], 1)
    bare = support.without("image", list(range(10)))
    adapted = learner_for("auto", pool.features).adapt(bare, support.class_index, pool=pool.features)
    assert list(adapted.held_out.weights) == ["fused", "text"]


def test_views_of_one_row_each_leave_the_fused_expert(sample, learner_for):
    support = sample([1, 1])
    columns = support.features
    for column, row in (("text", 0), ("image", 1)):
        columns.matrices[column][row] = 0
        columns.present[column][row] = False
    learner = learner_for("auto", sample([5, 5], 1).features)
    adapted = learner.adapt(columns, support.class_index)
    assert adapted.held_out.weights == {"fused": 1.0}
    np.testing.assert_array_equal(adapted.logits(columns).argmax(axis=1), support.class_index)


def test_experts_that_all_know_nothing_predict_the_uniform(sample, learner_for):
    # Labels at random: of the first seeds, one at least leaves every expert without weight.
    for seed in range(20):
        support = sample([30, 30, 30], seed, apart=0.0)
        adapted = learner_for("auto", support.features).adapt(support.features, support.class_index)
        if not any(adapted.weights):
            break
    np.testing.assert_array_equal(adapted.weights, [0, 0, 0])
    np.testing.assert_allclose(adapted.logits(support.features), -np.log(3), atol=1e-5)
