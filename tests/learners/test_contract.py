"""What every learner in the registry keeps to."""

import dataclasses

import numpy as np
import pytest

from metafuse.artifact import load_value, save_value
from metafuse.errors import EpisodeError
from metafuse.fusion.late import log_softmax
from metafuse.learners import LEARNERS
from metafuse.learners.base import Adapted, Learner

pytestmark = pytest.mark.parametrize("name", LEARNERS.names())


@pytest.fixture
def adapt(learner_for, names):
    """Adapt a learner to a support set; the fusion is centred on its pool, or on the support set without one."""

    def run(name, support, class_index, pool=None, *, named=True, seed=0):
        learner = learner_for(name, support if pool is None else pool, seed)
        shots = names(int(np.max(class_index)) + 1) if named else None
        return learner.adapt(support, np.asarray(class_index), pool=pool, class_shots=shots)

    return run


def softmax(logits):
    return np.exp(log_softmax(logits))


def accuracy(logits, class_index):
    return (logits.argmax(axis=1) == class_index).mean()


def test_learner_and_model_keep_the_interface(name, sample, adapt, learner_for):
    support = sample([4, 4])
    assert isinstance(learner_for(name, support.features), Learner)
    adapted = adapt(name, support.features, support.class_index)
    assert isinstance(adapted, Adapted)
    assert dataclasses.is_dataclass(adapted)


def test_outputs_have_a_row_per_item_and_a_column_per_class(name, sample, adapt):
    support, pool, query = sample([5, 5, 5]), sample([10, 10, 10], 1), sample([3, 2, 2], 2).features
    adapted = adapt(name, support.features, support.class_index, pool.features)
    logits, embedding, p_values = adapted.logits(query), adapted.embed(query), adapted.p_values(query)
    assert logits.shape == (7, 3)
    assert logits.dtype == embedding.dtype == p_values.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embedding, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(np.exp(logits).sum(axis=1), 1, atol=1e-4)
    assert ((p_values > 0) & (p_values <= 1)).all()


def test_no_items_give_empty_outputs(name, sample, adapt):
    support = sample([3, 3])
    adapted = adapt(name, support.features, support.class_index)
    nothing = support.features.take(np.arange(0))
    assert adapted.logits(nothing).shape == (0, 2)
    assert adapted.p_values(nothing).shape == (0,)
    assert len(adapted.embed(nothing)) == 0


def test_held_out_rows_point_into_the_support_set(name, sample, adapt):
    support = sample([4, 1, 3])
    held_out = adapt(name, support.features, support.class_index).held_out
    np.testing.assert_array_equal(held_out.rows, [0, 1, 2, 3, 5, 6, 7])
    np.testing.assert_array_equal(held_out.class_index, support.class_index[held_out.rows])
    assert held_out.log_probabilities.shape == (7, 3)
    assert held_out.n_folds == 4
    assert held_out.experts.keys() == held_out.weights.keys()


def test_same_seed_same_result(name, sample, adapt):
    support, pool, query = sample([5, 5, 5], spread=0.6), sample([9, 9, 9], 1, spread=0.6), sample([4, 4, 4], 2)
    first, second = (adapt(name, support.features, support.class_index, pool.features, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.logits(query.features), second.logits(query.features))
    np.testing.assert_array_equal(first.p_values(query.features), second.p_values(query.features))


def test_second_adapt_equals_the_first_and_leaves_the_learner_unchanged(name, sample, learner_for):
    support, other, query = sample([5, 5], spread=0.6), sample([4, 4, 4], 1), sample([4, 4], 2).features
    learner = learner_for(name, support.features)
    before = learner.adapt(support.features, support.class_index)
    expected = before.logits(query)
    state = dict(vars(learner))
    learner.adapt(other.features, other.class_index)
    again = learner.adapt(support.features, support.class_index)
    np.testing.assert_array_equal(again.logits(query), expected)
    np.testing.assert_array_equal(before.logits(query), expected)
    assert vars(learner) == state


def test_adapt_changes_no_input(name, sample, adapt):
    support, pool = sample([4, 4]), sample([6, 6], 1)
    shown, hidden, labels = support.features, pool.features, support.class_index.copy()
    adapt(name, shown, labels, hidden)
    np.testing.assert_array_equal(shown.matrices["text"], support.features.matrices["text"])
    np.testing.assert_array_equal(hidden.matrices["image"], pool.features.matrices["image"])
    np.testing.assert_array_equal(labels, support.class_index)


@pytest.mark.parametrize("k_shot", [1, 5])
def test_relabelling_classes_permutes_logits(name, k_shot, sample, adapt):
    support, pool, query = sample([k_shot] * 3, spread=0.3), sample([10] * 3, 1, spread=0.3), sample([5] * 3, 2)
    renamed = np.array([2, 0, 1])
    plain = adapt(name, support.features, support.class_index, pool.features, named=False)
    permuted = adapt(name, support.features, renamed[support.class_index], pool.features, named=False)
    expected, found = softmax(plain.logits(query.features)), softmax(permuted.logits(query.features))
    np.testing.assert_allclose(found[:, renamed], expected, atol=5e-3)


def test_two_classes_with_one_label_each(name, sample, adapt):
    support, query = sample([1, 1]), sample([10, 10], 1)
    adapted = adapt(name, support.features, support.class_index, named=False)
    assert len(adapted.held_out.rows) == 0
    assert adapted.logits(query.features).shape == (20, 2)
    assert accuracy(adapted.logits(support.features), support.class_index) == 1


def test_unequal_shots(name, sample, adapt):
    support, pool, query = sample([1, 7, 3]), sample([15] * 3, 1), sample([10] * 3, 2)
    adapted = adapt(name, support.features, support.class_index, pool.features)
    assert accuracy(adapted.logits(query.features), query.class_index) > 0.9


def test_without_pool_and_without_class_names(name, sample, adapt):
    support, query = sample([5, 5, 5]), sample([10] * 3, 1)
    adapted = adapt(name, support.features, support.class_index, named=False)
    assert accuracy(adapted.logits(query.features), query.class_index) > 0.9


def test_class_names_help_where_labels_are_few(name, sample, adapt):
    # One label a class, far from the middle of its class.
    support, query = sample([1] * 6, spread=0.5), sample([20] * 6, 1)
    named = log_softmax(adapt(name, support.features, support.class_index).logits(query.features))
    bare = log_softmax(adapt(name, support.features, support.class_index, named=False).logits(query.features))
    rows = np.arange(120)
    assert named[rows, query.class_index].mean() > bare[rows, query.class_index].mean()


def test_separated_clusters_are_told_apart(name, sample, adapt):
    support, pool, query = sample([3] * 5), sample([20] * 5, 1), sample([20] * 5, 2)
    adapted = adapt(name, support.features, support.class_index, pool.features)
    assert accuracy(adapted.logits(query.features), query.class_index) > 0.98
    held_out = adapted.held_out
    assert accuracy(held_out.log_probabilities, held_out.class_index) == 1


def test_noise_gives_chance_accuracy(name, sample, adapt):
    support, query = sample([20] * 4, apart=0.0), sample([100] * 4, 1, apart=0.0)
    adapted = adapt(name, support.features, support.class_index, named=False)
    assert 0.17 < accuracy(adapted.logits(query.features), query.class_index) < 0.33


def test_noise_makes_no_confident_predictions(name, sample, adapt):
    support, query = sample([20] * 4, apart=0.0), sample([100] * 4, 1, apart=0.0)
    logits = adapt(name, support.features, support.class_index, named=False).logits(query.features)
    loss = -log_softmax(logits)[np.arange(400), query.class_index].mean()
    assert loss < np.log(4) + 0.25


def test_items_without_one_modality_are_told_by_the_other(name, sample, adapt):
    support, pool, query = sample([6] * 4), sample([20] * 4, 1), sample([10] * 4, 2)
    adapted = adapt(name, support.without("image", [0, 7, 13]), support.class_index, pool.without("text", [0, 40]))
    for column in ("text", "image"):
        assert accuracy(adapted.logits(query.without(column, list(range(40)))), query.class_index) > 0.9


def test_item_with_nothing_gets_uniform_logits_and_is_unknown(name, sample, adapt, features_of):
    support, pool = sample([4, 4, 4]), sample([8] * 3, 1)
    adapted = adapt(name, support.features, support.class_index, pool.features)
    bare = features_of(text=np.zeros((2, 12)), image=np.zeros((2, 6)))
    np.testing.assert_allclose(softmax(adapted.logits(bare)), 1 / 3, atol=1e-6)
    np.testing.assert_array_equal(adapted.p_values(bare), 0)


def test_labelled_item_with_nothing_is_not_learned_from(name, sample, adapt):
    support, pool, query = sample([4, 4, 4]), sample([8] * 3, 1), sample([5] * 3, 2)
    bare = support.features
    for column in bare.matrices:
        bare.matrices[column][0] = 0
        bare.present[column][0] = False
    adapted = adapt(name, bare, support.class_index, pool.features)
    assert 0 not in adapted.held_out.rows
    assert accuracy(adapted.logits(query.features), query.class_index) > 0.9


@pytest.mark.parametrize("lacking", [(2,), (1, 2), (0, 1, 2)], ids=["one class", "all but one class", "every class"])
def test_modality_that_labelled_rows_of_some_classes_lack(name, lacking, sample, adapt):
    support, pool, query = sample([5, 5, 5]), sample([12] * 3, 1), sample([10] * 3, 2)
    bare = support.without("image", np.flatnonzero(np.isin(support.class_index, lacking)).tolist())
    adapted = adapt(name, bare, support.class_index, pool.features)
    assert accuracy(adapted.logits(query.features), query.class_index) > 0.9


def test_modality_of_a_single_row(name, sample, adapt):
    support, query = sample([5, 5, 5]), sample([10] * 3, 1)
    adapted = adapt(name, support.without("image", list(range(1, 15))), support.class_index)
    assert accuracy(adapted.logits(query.without("image", list(range(30)))), query.class_index) > 0.9


def test_rows_do_not_depend_on_each_other(name, sample, adapt):
    support, pool, query = sample([5] * 3, spread=0.4), sample([20] * 3, 1, spread=0.4), sample([8] * 3, 2)
    adapted = adapt(name, support.features, support.class_index, pool.features)
    together, p_values = adapted.logits(query.features), adapted.p_values(query.features)
    for row in (0, 11, 23):
        alone = query.features.take(np.array([row]))
        np.testing.assert_allclose(adapted.logits(alone)[0], together[row], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(adapted.p_values(alone)[0], p_values[row], atol=0.03)


def test_long_inputs_are_predicted_in_chunks_alike(name, sample, adapt, monkeypatch):
    support, query = sample([5] * 3), sample([8] * 3, 2)
    adapted = adapt(name, support.features, support.class_index)
    whole = adapted.logits(query.features)
    monkeypatch.setattr("metafuse.learners.mixture.CHUNK", 5)
    np.testing.assert_allclose(adapted.logits(query.features), whole, rtol=1e-4, atol=1e-4)


def test_repeated_rows_are_learned_like_others(name, sample, adapt):
    support, pool = sample([1, 1, 1]), sample([1, 1, 1])
    rows = np.repeat(np.arange(3), 6)
    adapted = adapt(name, support.features.take(rows), support.class_index[rows], pool.features.take(rows), named=False)
    assert accuracy(adapted.logits(support.features), support.class_index) == 1


def test_many_classes_with_one_label_each(name, adapt, features_of):
    centres = np.random.default_rng(0).standard_normal((300, 40))
    noise = np.random.default_rng(1).standard_normal((300, 40))
    adapted = adapt(name, features_of(text=centres), np.arange(300), named=False)
    assert accuracy(adapted.logits(features_of(text=centres + 0.2 * noise)), np.arange(300)) > 0.95


def test_far_values_give_finite_results(name, sample, adapt, features_of):
    support = sample([5] * 3)
    adapted = adapt(name, support.features, support.class_index, named=False)
    far = np.random.default_rng(3).standard_normal((10, 12))
    for scale in (1e-15, 1e15):
        query = features_of(text=scale * far, image=np.zeros((10, 6)))
        assert np.isfinite(adapted.logits(query)).all()
        assert np.isfinite(adapted.p_values(query)).all()


def test_fewer_than_two_classes_are_refused(name, sample, adapt):
    support = sample([4])
    with pytest.raises(EpisodeError, match="expected labels of at least two classes, got 1"):
        adapt(name, support.features, support.class_index)
    with pytest.raises(EpisodeError, match="at least two classes, got 0"):
        adapt(name, support.features.take(np.arange(0)), support.class_index[:0], support.features, named=False)


def test_class_without_a_row_is_refused(name, sample, adapt):
    support = sample([3, 3])
    with pytest.raises(EpisodeError, match=r"classes \[1\] have no support item"):
        adapt(name, support.features, 2 * support.class_index, named=False)


@pytest.mark.parametrize("value", [0.0, 1.0], ids=["empty", "constant"])
def test_rows_with_nothing_to_tell_apart_are_refused(name, value, adapt, features_of):
    alike = features_of(text=np.full((6, 12), value))
    with pytest.raises(EpisodeError, match="another row that differs from it, got none"):
        adapt(name, alike, np.arange(6) % 2, named=False)


def test_saved_model_predicts_bit_for_bit_the_same(name, sample, adapt, tmp_path):
    support, pool, query = sample([5] * 3, spread=0.5), sample([15] * 3, 1, spread=0.5), sample([9] * 3, 2, spread=0.5)
    adapted = adapt(name, support.features, support.class_index, pool.features)
    save_value(adapted, tmp_path, "model")
    loaded = load_value(tmp_path, "model")
    np.testing.assert_array_equal(loaded.logits(query.features), adapted.logits(query.features))
    np.testing.assert_array_equal(loaded.p_values(query.features), adapted.p_values(query.features))
    np.testing.assert_array_equal(loaded.held_out.log_probabilities, adapted.held_out.log_probabilities)


def test_p_values_of_known_rows_are_about_uniform(name, sample, adapt):
    support, pool, query = (
        sample([15] * 4, spread=0.3),
        sample([40] * 4, 1, spread=0.3),
        sample([100] * 4, 2, spread=0.3),
    )
    p_values = adapt(name, support.features, support.class_index, pool.features).p_values(query.features)
    for level in (0.05, 0.2, 0.5, 0.8):
        assert abs((p_values <= level).mean() - level) < 0.04 + 0.25 * level


def test_p_values_of_unlike_rows_are_small(name, sample, adapt, features_of):
    support, pool = sample([15] * 3, spread=0.3), sample([40] * 3, 1, spread=0.3)
    noise = 0.15 * np.random.default_rng(5).standard_normal((30, 18))
    unlike = features_of(text=np.eye(12)[[9]] + noise[:, :12], image=np.eye(6)[[5]] + noise[:, 12:])
    adapted = adapt(name, support.features, support.class_index, pool.features)
    assert np.median(adapted.p_values(unlike)) < 0.05
