import numpy as np
import pytest

from metafuse.fusion.early import fit_early_fusion
from metafuse.learners.gaussian import Gaussian
from metafuse.learners.linear import LinearHead
from metafuse.learners.novelty import FEWEST_CALIBRATION_ROWS, Novelty, RelativeMahalanobis, _calibration, fit_novelty
from metafuse.learners.seeding import seed_folds
from metafuse.learners.surroundings import surroundings_of
from metafuse.learners.view import read_view


def floats(values):
    return np.array(values, dtype=np.float32)


def distance(means):
    """Euclidean distances to means on a line, relative to a background mean at 0."""
    classes = Gaussian(floats(means)[:, None], np.eye(1, dtype=np.float32))
    return RelativeMahalanobis(classes, Gaussian(np.zeros((1, 1), dtype=np.float32), np.eye(1, dtype=np.float32)))


def calibrated(scores, weight):
    head = LinearHead(np.zeros((1, 2), dtype=np.float32), np.zeros(2, dtype=np.float32))
    parts = np.zeros(4, dtype=np.float32), np.ones(4, dtype=np.float32)
    return Novelty(distance([1, -1]), head, distance([2]), *parts, floats(scores), np.array(weight, dtype=float))


def test_relative_mahalanobis_by_hand():
    # (x - 1)^2 and (x + 1)^2 less x^2, the nearer class first.
    np.testing.assert_allclose(distance([1, -1]).scores(floats([[0], [1], [-3]])), [1, -1, 4 - 9])


def test_score_by_hand():
    novelty = calibrated([0], [1])
    # labels: (1 - 1)^2 - 1; energy: -log 2; pool: (1 - 2)^2 - 1; neighbours: -0.75.
    expected = -1 - np.log(2) + 0.5 * 0 - 0.25 * 0.75
    np.testing.assert_allclose(novelty.scores(floats([[1]]), floats([[0.75, 0.25]])), [expected], atol=1e-6)


def test_p_values_are_conformal():
    # (1 + rows at least as unusual) / (1 + rows); ties count.
    p_values = calibrated([1, 2, 2, 4], [1, 1, 1, 1]).p_values(floats([0, 1, 2, 3, 5]))
    np.testing.assert_allclose(p_values, [1, 1, 4 / 5, 2 / 5, 1 / 5])


def test_p_values_weigh_the_calibration_rows():
    p_values = calibrated([1, 2, 3], [1, 0.5, 0.5]).p_values(floats([1.5, 2.5, 3.5]))
    np.testing.assert_allclose(p_values, [2 / 3, 1.5 / 3, 1 / 3])


def test_without_calibration_rows_nothing_is_unusual():
    np.testing.assert_array_equal(calibrated([], []).p_values(floats([-5, 5])), [1, 1])


def test_many_labels_calibrate_alone():
    known = floats(np.arange(FEWEST_CALIBRATION_ROWS))
    scores, weight = _calibration(known[::-1], floats([100, 200]))
    np.testing.assert_array_equal(scores, [*known, 100, 200])
    np.testing.assert_array_equal(weight[-2:], 0)


def test_pool_stands_in_for_missing_labels():
    scores, weight = _calibration(floats([5, 1]), floats([2, 4, 3, 0]))
    np.testing.assert_array_equal(scores, [0, 1, 2, 3, 4, 5])
    share = (FEWEST_CALIBRATION_ROWS - 2) / 4
    np.testing.assert_allclose(weight, [share, 1, share, share, share, 1])


@pytest.fixture
def fit(sample):
    """Fit to some labels a class beside a pool, and score other rows."""

    def run(k_shot, query, seed=0):
        support, pool = sample([k_shot] * 4, seed, spread=0.3), sample([40] * 4, seed + 100, spread=0.3)
        fusion = fit_early_fusion(pool.features, {"text": 1.0, "image": 1.0})
        view = read_view(
            fusion, support.features, support.class_index, pool=pool.features, class_shots=None, seed=0, device="cpu"
        )
        seedings = seed_folds(view)
        novelty = fit_novelty(view, seedings)
        look = surroundings_of(view, seedings[-1]).look(query.features)
        return novelty, novelty.p_values(novelty.scores(look.x, look.near))

    return run


@pytest.mark.parametrize("k_shot", [2, 5, 20])
def test_p_values_of_new_known_rows_are_about_uniform(k_shot, fit, sample):
    p_values = np.concatenate([fit(k_shot, sample([50] * 4, 50 + seed, spread=0.3), seed)[1] for seed in range(3)])
    for level in (0.05, 0.1, 0.25, 0.5, 0.75):
        assert (p_values <= level).mean() == pytest.approx(level, abs=0.03 + 0.2 * level)


def test_classes_without_labels_are_unusual(fit, sample):
    unknown = sample([0, 0, 0, 0, 0, 30], 50, spread=0.3)
    # 20 labels and the pool stand for 40 calibration rows: 1 / 41 is the least there is.
    assert np.median(fit(5, unknown)[1]) < 1.2 / 41


def test_held_out_labels_calibrate(fit, sample):
    novelty, _ = fit(5, sample([1], 50))
    assert len(novelty.calibration) == 20 + 160
    assert (np.diff(novelty.calibration) >= 0).all()
    assert novelty.calibration_weight.sum() == pytest.approx(FEWEST_CALIBRATION_ROWS)
