import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from metafuse.episodes.batch import Support, map_items
from metafuse.errors import AdaptationError, ConfigError, EpisodeError
from metafuse.learners.episodic_spec import LearnerSpec
from metafuse.meta_training.loop import meta_train_sources
from metafuse.meta_training.settings import MetaTrainingSettings

QUICK = MetaTrainingSettings(outer_steps=30, outer_lr=0.01, n_tasks=4, eval_every=10, n_val_episodes=40, patience=0)


def weights_equal(first, second):
    return first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)


def test_training_raises_accuracy_on_classes_it_never_saw(source, spec, sizes):
    done = meta_train_sources(spec, [source()], sizes, replace(QUICK, outer_steps=100))
    start, best = done.history[0], done.best_validation
    assert start.step == 0 and math.isnan(start.loss)
    assert best.accuracy - best.half_width > start.accuracy + start.half_width
    assert done.finished and done.step == 100


def test_same_seed_same_bits_and_another_seed_others(source, spec, sizes):
    first, second, other = (
        meta_train_sources(spec, [source()], sizes, replace(QUICK, seed=seed)) for seed in (0, 0, 1)
    )
    assert weights_equal(first.weights, second.weights)
    assert first.history[1:] == second.history[1:]
    assert not weights_equal(first.weights, other.weights)


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd"])
def test_resuming_from_any_validation_ends_in_the_same_bits(optimiser, source, spec, sizes):
    settings, states = replace(QUICK, optimiser=optimiser), []
    sources = [source(), source("other", 1)]
    whole = meta_train_sources(spec, sources, sizes, settings, on_validation=states.append)
    assert [state.step for state in states] == [0, 10, 20, 30]
    for state in states:
        torch.rand(3)  # the caller's own draws change nothing
        resumed = meta_train_sources(spec, sources, sizes, settings, resume=state)
        assert weights_equal(resumed.weights, whole.weights)
        assert weights_equal(resumed.best, whole.best)
        assert resumed.history[1:] == whole.history[1:]


def test_training_leaves_the_callers_random_numbers_alone(source, spec, sizes):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    meta_train_sources(spec, [source()], sizes, replace(QUICK, outer_steps=2))
    assert torch.equal(torch.rand(1), expected)


def test_patience_stops_a_training_that_gains_nothing(source, spec, sizes):
    still = replace(QUICK, outer_lr=1e-12, schedule="constant", patience=2, outer_steps=1000)
    done = meta_train_sources(spec, [source()], sizes, still)
    assert done.finished
    assert done.step == 20
    assert done.best_validation.step == 0


def test_the_best_weights_are_kept_when_training_makes_it_worse(source, spec, sizes):
    wild = replace(QUICK, outer_lr=50.0, schedule="constant", optimiser="sgd")
    done = meta_train_sources(spec, [source()], sizes, wild)
    fresh = {name: tensor.numpy() for name, tensor in spec.build().state_dict().items()}
    assert done.best_validation.step == 0
    assert weights_equal(done.best, fresh)
    assert not weights_equal(done.weights, fresh)


def test_pull_holds_the_map_near_its_start(source, spec, sizes):
    free, held = (meta_train_sources(spec, [source()], sizes, replace(QUICK, pull=pull)) for pull in (0.0, 10.0))
    norm = lambda done: np.linalg.norm(done.weights["backbone.up.text"] @ done.weights["backbone.down.text"])  # noqa: E731
    assert norm(held) < 0.5 * norm(free)


def test_pull_needs_a_backbone_that_knows_its_start(source, sizes):
    spec = LearnerSpec("prototypical", "mlp", {}, {"in_features": 8})
    flat = source()
    flat = replace(flat, items=flat.items["text/note"])
    with pytest.raises(ConfigError, match="pull: expected a backbone that knows its start"):
        meta_train_sources(spec, [flat], sizes, replace(QUICK, pull=0.1))


def test_a_loss_that_is_no_number_stops_with_the_step_and_the_learner_and_keeps_the_last_state(source, spec, sizes):
    states = []

    def spoil(batch, generator):
        return replace(batch, query=map_items(batch.query, lambda x: x * float("nan"))) if states[1:] else batch

    with pytest.raises(AdaptationError, match=r"step 11 of learner 'prototypical': the loss is nan"):
        meta_train_sources(spec, [source()], sizes, QUICK, augment=spoil, on_validation=states.append)
    assert [state.step for state in states] == [0, 10]
    assert all(np.isfinite(array).all() for array in states[-1].weights.values())


@pytest.mark.parametrize("learner", ["whitened", "ridge"])
def test_weights_that_diverge_stop_in_words_and_are_never_saved(source, spec, sizes, learner):
    states = []
    with pytest.raises(
        AdaptationError, match=rf"step \d+ of learner '{learner}': .* start again with a lower outer_lr"
    ):
        meta_train_sources(
            replace(spec, learner=learner, learner_options={}), [source()], sizes,
            replace(QUICK, outer_lr=1e12, eval_every=1), on_validation=states.append,
        )  # fmt: skip
    assert states[0].step == 0
    assert all(np.isfinite(array).all() for state in states for array in state.weights.values())


def test_training_starts_from_given_weights(source, spec, sizes):
    first = meta_train_sources(spec, [source()], sizes, replace(QUICK, outer_steps=100))
    second = meta_train_sources(spec, [source()], sizes, replace(QUICK, outer_steps=10), start=first.best)
    assert second.history[0].accuracy == first.best_validation.accuracy


def test_augmentation_draws_by_step(source, spec, sizes):
    drawn = []

    def note(batch, generator):
        assert isinstance(batch.support, Support)
        drawn.append(torch.rand(1, generator=generator).item())
        return batch

    for _ in range(2):
        meta_train_sources(spec, [source()], sizes, replace(QUICK, outer_steps=3), augment=note)
    assert drawn[:3] == drawn[3:]
    assert len(set(drawn[:3])) == 3


def test_too_few_classes_are_refused_before_any_step(source, spec, sizes):
    with pytest.raises(EpisodeError, match="toy"):
        meta_train_sources(spec, [source()], sizes.model_copy(update={"n_way": 9}), QUICK)


def test_a_learner_without_parameters_is_refused(source, sizes):
    spec = LearnerSpec("prototypical", "columns", {}, {"dims": {}})
    with pytest.raises(ConfigError, match="nothing to train"):
        meta_train_sources(spec, [source()], sizes, QUICK)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("outer_steps", 0, "outer_steps: expected 1 or more, got 0"),
        ("n_tasks", 0, "n_tasks: expected 1 or more"),
        ("outer_lr", 0.0, "outer_lr: expected a number over 0"),
        ("outer_lr", float("nan"), "outer_lr: expected a number over 0"),
        ("pull", -1.0, "pull: expected 0 or more, got -1.0"),
        ("precision", "int8", "unknown precision 'int8'"),
        ("schedule", "step", "unknown schedule 'step'. Known: constant, cosine"),
        ("optimiser", "lion", "unknown optimiser 'lion'. Known: adam, adamw, sgd"),
    ],
)
def test_settings_out_of_range_are_refused(name, value, message):
    with pytest.raises(ConfigError, match=message):
        MetaTrainingSettings(**{name: value})
