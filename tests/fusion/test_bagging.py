import numpy as np

from metafuse.fusion.bagging import N_BAGS, BaggedExperts, fit_bagging


def test_mean_of_two_bags_by_hand():
    said = [np.log([[0.8, 0.2]]), np.log([[0.4, 0.6]])]
    found = BaggedExperts(np.array([[1.0, 0.0], [0.0, 1.0]])).combine(said)
    np.testing.assert_allclose(np.exp(found), [[0.6, 0.4]], rtol=1e-5)


def test_bag_of_silent_experts_does_not_count():
    said = [np.log([[0.8, 0.2]]), np.zeros((1, 2))]
    found = BaggedExperts(np.array([[1.0, 0.0], [0.0, 1.0]])).combine(said)
    np.testing.assert_allclose(np.exp(found), [[0.8, 0.2]], rtol=1e-5)


def test_each_bag_has_half_of_the_experts(experts):
    said, truth = experts()
    weights = fit_bagging([*said, said[1]], truth, 0).weights
    assert weights.shape == (N_BAGS, 4)
    assert ((weights > 0).sum(axis=1) <= 2).all()
    assert len(np.unique(weights > 0, axis=0)) > 2
