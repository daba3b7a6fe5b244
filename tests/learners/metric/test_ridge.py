import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from torch import nn
from torch.testing import assert_close

from metafuse.episodes.batch import Support
from metafuse.errors import ConfigError
from metafuse.learners.metric.ridge import RidgeLearner, balance_classes, solve_ridge


def one_hot(class_index):
    return np.eye(class_index.max() + 1)[class_index]


@pytest.mark.parametrize("shots", [[1, 2], [6, 9]], ids=["fewer items than dimensions", "more"])
def test_head_is_that_of_weighted_ridge_regression(shots, episode_batch):
    support = episode_batch(shots).support
    weight = torch.rand(support.weight.shape, generator=torch.Generator().manual_seed(1))
    weighted = type(support)(support.items, support.class_index, weight, support.n_way)
    head = RidgeLearner(nn.Identity(), penalty=0.5, normalise=False, balance=False).adapt(weighted)["head"].detach()
    for task in range(2):
        reference = Ridge(alpha=0.5, fit_intercept=False).fit(
            support.items[task].numpy(), one_hot(support.class_index[task].numpy()), sample_weight=weight[task].numpy()
        )
        np.testing.assert_allclose(head[task].T, reference.coef_, atol=1e-5)


def test_classes_are_brought_to_the_same_sum_of_weights():
    # Class 0 weighs 1.5, class 1 weighs 3, class 2 is absent: each is brought to 2.25.
    weight = torch.tensor([[1.0, 0.5, 3.0, 0.0]])
    balanced = balance_classes(Support(torch.zeros(1, 4, 2), torch.tensor([[0, 0, 1, -1]]), weight, 3))
    assert_close(balanced[0], torch.tensor([[1.5, 0, 0], [0.75, 0, 0], [0, 2.25, 0], [0, 0, 0]]))


def test_balance_changes_nothing_with_equal_shots(episode_batch):
    batch = episode_batch([3, 3, 3])
    balanced, plain = (RidgeLearner(nn.Identity(), balance=balance).adapt(batch.support) for balance in (True, False))
    assert_close(balanced["head"], plain["head"])


def test_both_forms_agree_where_they_meet():
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(2, 5, n, generator=generator, dtype=torch.float64) for n in (5, 3))
    penalty = torch.tensor(0.7, dtype=torch.float64)
    more = torch.cat([x, x.new_zeros(2, 1, 5)], 1), torch.cat([y, y.new_zeros(2, 1, 3)], 1)
    assert_close(solve_ridge(x, y, penalty), solve_ridge(*more, penalty))


def test_logits_are_scaled_predictions_of_items_at_length_1():
    # One item a class, (1, 0) and (0, 1) at length 1, and lambda 1: the head is I / 2. The query becomes (0.6, 0.8).
    learner = RidgeLearner(nn.Identity(), penalty=1.0, scale=4.0)
    state = learner.adapt(Support(3 * torch.eye(2).unsqueeze(0), torch.tensor([[0, 1]]), torch.ones(1, 2), 2))
    assert_close(learner.logits(state, torch.tensor([[[3.0, 4.0]]])).detach(), torch.tensor([[[1.2, 1.6]]]))


def test_penalty_and_scale_are_learned(episode_batch):
    learner = RidgeLearner(nn.Identity())
    learner.loss(episode_batch([3, 3], spread=1.0))[0].backward()
    assert learner.log_penalty.grad.item() != 0
    assert learner.log_scale.grad.item() != 0


def test_gradient_through_the_solution_is_that_of_finite_differences():
    generator = torch.Generator().manual_seed(0)
    y = torch.eye(2, dtype=torch.float64)[[0, 1, 1]].unsqueeze(0)
    for dim in (2, 5):
        x = torch.randn(1, 3, dim, generator=generator, dtype=torch.float64, requires_grad=True)
        penalty = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(lambda x, penalty: solve_ridge(x, y, penalty), (x, penalty))


def test_penalty_of_zero_is_refused():
    with pytest.raises(ConfigError, match="penalty: expected a number over 0, got 0"):
        RidgeLearner(nn.Identity(), penalty=0.0)
