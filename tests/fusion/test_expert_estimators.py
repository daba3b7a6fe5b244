import numpy as np
import pytest

from metafuse.fusion.expert_estimators import BestExpert, ProductOfSome


def test_best_expert_is_chosen_by_weight():
    said = [np.log([[0.9, 0.1], [0.9, 0.1]]), np.log([[0.1, 0.9], [0.1, 0.9]])]
    x, truth = np.concatenate(said, axis=1), np.array([0, 1])
    assert BestExpert(2).fit(x, truth, np.array([3.0, 1.0])).expert_ == 0
    second = BestExpert(2).fit(x, truth, np.array([1.0, 3.0]))
    assert second.expert_ == 1
    assert second.error_ == pytest.approx(0.25)
    np.testing.assert_array_equal(second.predict(x), [1, 1])


def test_silent_expert_is_wrong():
    x = np.concatenate([np.zeros((2, 2)), np.log([[0.9, 0.1], [0.9, 0.1]])], axis=1)
    assert BestExpert(2).fit(x, np.array([0, 0])).expert_ == 1


def test_product_leaves_experts_out():
    x = np.tile(np.log([[0.9, 0.1], [0.1, 0.9]]), (1, 4))
    weights = ProductOfSome(4, random_state=0).fit(x, np.array([0, 1])).weights_
    assert (weights > 0).sum() == 2
