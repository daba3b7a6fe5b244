import numpy as np

from metafuse.fusion.late import WeightedProduct, combine_experts, fit_expert_weights, log_softmax


def test_product_of_two_experts_by_hand():
    first, second = np.log([[0.8, 0.2]]), np.log([[0.5, 0.5]])
    np.testing.assert_allclose(np.exp(combine_experts([first, second], [1.0, 1.0])), [[0.8, 0.2]])
    np.testing.assert_allclose(np.exp(combine_experts([first, first], [1.0, 1.0])), [[0.64 / 0.68, 0.04 / 0.68]])


def test_silent_expert_changes_nothing():
    voice = np.log([[0.7, 0.3]])
    np.testing.assert_allclose(combine_experts([voice, np.zeros((1, 2))], [1.0, 5.0]), voice)


def test_expert_that_knows_nothing_loses_its_weight():
    generator = np.random.default_rng(0)
    truth = generator.integers(3, size=300)
    good = log_softmax(np.eye(3)[truth] * 2 + generator.standard_normal((300, 3)))
    noise = log_softmax(3 * generator.standard_normal((300, 3)))
    weights = fit_expert_weights([good, noise], truth, [1.0, 1.0])
    assert weights[0] > 0.5
    assert weights[1] < 0.1


def test_without_evidence_the_prior_stands():
    flat = np.full((4, 2), np.log(0.5))
    weights = fit_expert_weights([flat, flat], np.array([0, 1, 0, 1]), [0.7, 0.3])
    np.testing.assert_allclose(weights, [0.7, 0.3], atol=1e-6)


def test_product_without_any_weight_is_uniform():
    voice = np.log([[0.7, 0.2, 0.1]])
    np.testing.assert_allclose(np.exp(combine_experts([voice, voice], [0.0, 0.0])), np.full((1, 3), 1 / 3))


def test_weighted_product_is_the_same_product():
    first, second = np.log([[0.8, 0.2]]), np.log([[0.5, 0.5]])
    found = WeightedProduct((1.0, 1.0)).combine([first, second])
    np.testing.assert_array_equal(found, combine_experts([first, second], [1.0, 1.0]))
