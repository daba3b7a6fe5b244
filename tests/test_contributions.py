import numpy as np
import pytest

from metafuse.contributions import MOST_EXACT, measure_contributions, shapley_values
from metafuse.learners.base import HeldOut


def held_out(experts, truth, weights=None):
    names = list(experts)
    return HeldOut(
        rows=np.arange(len(truth)),
        class_index=np.array(truth, dtype=np.int64),
        log_probabilities=experts[names[0]],
        experts=experts,
        weights=weights or dict.fromkeys(names, 1.0),
        n_folds=2,
    )


def logs(*rows):
    return np.log(np.array(rows)).astype(np.float32)


def test_glove_game_by_hand():
    # One left glove, two right ones; a pair is worth 1: the left one's share is 2/3, each right one's 1/6.
    def value(players):
        return np.array([float(0 in players and len(players) > 1)])

    shares = shapley_values(value, 3)
    np.testing.assert_allclose(np.concatenate(shares), [2 / 3, 1 / 6, 1 / 6])


def test_many_players_are_sampled_and_still_sum_to_the_whole():
    n_players = MOST_EXACT + 2

    def value(players):
        return np.array([len(players) ** 2 / n_players**2])

    shares = np.concatenate(shapley_values(value, n_players))
    assert shares.sum() == pytest.approx(1)
    np.testing.assert_allclose(shares, 1 / n_players, atol=0.05)


def test_two_modalities_by_hand():
    # Text is right about three of four, the image about nothing beyond what text says: chance is 1/2.
    text = logs([0.9, 0.1], [0.1, 0.9], [0.9, 0.1], [0.9, 0.1])
    image = np.zeros((4, 2), dtype=np.float32)
    found = measure_contributions(held_out({"text": text, "image": image}, [0, 1, 0, 1]))
    assert found["text"].alone.hits == 3
    assert found["text"].shapley.accuracy == pytest.approx(0.25)
    assert found["image"].shapley.accuracy == pytest.approx(0.0)
    assert found["image"].shapley.log_loss == pytest.approx(0.0, abs=1e-6)
    assert found["text"].without.hits == 2


def test_two_alike_share_what_they_reach():
    text = logs([0.8, 0.2], [0.2, 0.8])
    found = measure_contributions(held_out({"text": text, "image": text.copy()}, [0, 1]))
    assert found["text"].shapley.accuracy == pytest.approx(0.25)
    assert found["image"].shapley.accuracy == pytest.approx(0.25)
    assert found["text"].shapley.log_loss == pytest.approx(found["image"].shapley.log_loss)


def test_expert_that_sees_all_is_no_player():
    text = logs([0.8, 0.2], [0.2, 0.8])
    found = measure_contributions(held_out({"fused": text, "text": text, "image": text}, [0, 1]))
    assert found["fused"].shapley is None
    assert found["fused"].without is None
    assert found["text"].shapley.accuracy + found["image"].shapley.accuracy == pytest.approx(0.5)


def test_one_modality_has_no_shapley_value():
    found = measure_contributions(held_out({"fused": logs([0.8, 0.2], [0.2, 0.8])}, [0, 1]))
    assert found["fused"].shapley is None


def test_nothing_held_out_measures_nothing():
    nothing = np.zeros((0, 2), dtype=np.float32)
    found = measure_contributions(held_out({"text": nothing, "image": nothing}, []))
    assert found["text"].shapley is None
    assert found["text"].alone.n == 0
