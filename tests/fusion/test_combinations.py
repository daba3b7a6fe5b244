"""What every way of combining experts keeps to."""

import numpy as np
import pytest

from metafuse.artifact import load_value, save_value
from metafuse.fusion.bagging import fit_bagging
from metafuse.fusion.boosting import fit_boosting
from metafuse.fusion.combination import Combination, combine_across
from metafuse.fusion.stacking import fit_stacking
from metafuse.learners.weighing import fit_product

FITS = {"product": fit_product, "stacking": fit_stacking, "bagging": fit_bagging, "boosting": fit_boosting}
pytestmark = pytest.mark.parametrize("fit", FITS.values(), ids=FITS)


def right(logs, truth):
    return (logs.argmax(axis=1) == truth).mean()


def test_results_are_log_probabilities(fit, experts):
    said, truth = experts()
    found = fit(said, truth, 0)
    assert isinstance(found, Combination)
    np.testing.assert_allclose(np.exp(found.combine(said)).sum(axis=1), 1, atol=1e-4)


def test_is_about_as_right_as_the_best_expert_on_other_rows(fit, experts):
    said, truth = experts()
    asked, answers = experts(seed=1)
    found = fit(said, truth, 0).combine(asked)
    assert right(found, answers) > right(asked[0], answers) - 0.03
    assert -found[np.arange(200), answers].mean() < np.log(3) - 0.3


def test_row_of_which_no_expert_says_anything_is_uniform(fit, experts):
    said, truth = experts()
    silent = [np.zeros((2, 3), dtype=np.float32)] * 3
    np.testing.assert_allclose(np.exp(fit(said, truth, 0).combine(silent)), 1 / 3, atol=1e-5)


def test_other_experts_speak_for_one_that_is_silent(fit, experts):
    said, truth = experts(n_silent=100)
    asked, answers = experts(seed=2, n_silent=200)
    assert right(fit(said, truth, 0).combine(asked), answers) > right(asked[1], answers) - 0.1


def test_same_seed_same_result(fit, experts):
    said, truth = experts()
    first, second = (fit(said, truth, 3).combine(said) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_saved_and_loaded_alike(fit, experts, tmp_path):
    said, truth = experts()
    found = fit(said, truth, 0)
    save_value(found, tmp_path, "combination")
    np.testing.assert_array_equal(load_value(tmp_path, "combination").combine(said), found.combine(said))


def test_rows_are_combined_by_what_was_fitted_to_others(fit, experts):
    said, truth = experts()
    noise = [said[2], said[2]]
    assert right(combine_across(fit, noise, truth, 0), truth) < 0.5


def test_two_classes_and_experts_that_are_never_right(fit):
    truth = np.arange(20) % 2
    wrong = np.log(np.where(np.eye(2)[truth] > 0, 0.1, 0.9)).astype(np.float32)
    found = fit([wrong, wrong], truth, 0).combine([wrong, wrong])
    assert np.isfinite(found).all()
