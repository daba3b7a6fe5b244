"""What every aligner keeps to."""

import numpy as np
import pytest

from metafuse.artifact import load_value, save_value
from metafuse.crossmodal import ALIGNERS
from metafuse.crossmodal.base import Aligner
from metafuse.crossmodal.recall import mean_recall_at_10

pytestmark = pytest.mark.parametrize("name", ALIGNERS.names())


def test_held_out_pairs_are_found(name, pairs):
    x, y = pairs
    aligner = ALIGNERS.build(name, x[:180], y[:180], seed=0)
    assert isinstance(aligner, Aligner)
    assert mean_recall_at_10(aligner.project_x(x[180:]) @ aligner.project_y(y[180:]).T) > 0.8  # chance is 1/6


def test_pairs_without_a_tie_are_found_by_chance(name, pairs):
    x, y = pairs[0], pairs[1][np.random.default_rng(1).permutation(240)]
    aligner = ALIGNERS.build(name, x[:140], y[:140], seed=0)
    assert mean_recall_at_10(aligner.project_x(x[140:]) @ aligner.project_y(y[140:]).T) < 0.25  # chance is 0.1


def test_projections_have_length_one(name, pairs):
    aligner = ALIGNERS.build(name, *pairs, seed=0)
    for projected in (aligner.project_x(pairs[0]), aligner.project_y(pairs[1])):
        assert projected.dtype == np.float32
        assert np.linalg.norm(projected, axis=1) == pytest.approx(np.ones(240), abs=1e-5)


def test_same_seed_gives_the_same_aligner(name, pairs):
    first, second = (ALIGNERS.build(name, *pairs, seed=3).project_x(pairs[0]) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_row_does_not_depend_on_its_batch(name, pairs):
    aligner = ALIGNERS.build(name, *pairs, seed=0)
    assert aligner.project_y(pairs[1][:1]) == pytest.approx(aligner.project_y(pairs[1])[:1], abs=1e-5)


def test_saved_aligner_answers_alike(name, pairs, tmp_path):
    aligner = ALIGNERS.build(name, *pairs, seed=0)
    save_value(aligner, tmp_path, "aligner")
    loaded = load_value(tmp_path, "aligner")
    np.testing.assert_array_equal(loaded.project_x(pairs[0]), aligner.project_x(pairs[0]))
