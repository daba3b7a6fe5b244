import math

import pytest
import torch
from torch import nn

from metafuse.learners.generative.adversarial_game import play_game

ALL = torch.tensor([True])


class Judge(nn.Module):
    """Multiplies by one number, 0.5."""

    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(0.5))

    def forward(self, x):
        return self.factor * x


def softplus(x):
    return math.log1p(math.exp(x))


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


@pytest.fixture
def judge():
    return Judge()


def test_game_adds_both_sides_and_the_penalty(judge):
    game = play_game(judge, (torch.tensor([1.0]),), (torch.tensor([3.0]),), ALL, penalty=2.0)
    assert game.item() == pytest.approx(softplus(-0.5) + softplus(1.5) + softplus(-1.5) + 0.5**2)


def test_padding_counts_nothing(judge):
    real, fake = torch.tensor([1.0, 9.0]), torch.tensor([3.0, -3.0])
    found = play_game(judge, (real,), (fake,), torch.tensor([True, False]))
    assert found.item() == pytest.approx(play_game(judge, (real[:1],), (fake[:1],), ALL).item())


def test_generator_gets_the_opposite_sign_of_the_discriminators_loss(judge):
    real, fake = torch.tensor([1.0]), torch.tensor([3.0], requires_grad=True)
    (answer,) = torch.autograd.grad(play_game(judge, (real,), (fake,), ALL), fake)
    (own,) = torch.autograd.grad(nn.functional.softplus(judge(fake)).sum(), fake)
    assert own.item() == pytest.approx(0.5 * sigmoid(1.5))
    assert answer.item() == pytest.approx(-0.5 * sigmoid(-1.5))


def test_generator_is_answered_where_the_discriminator_is_sure(judge):
    fake = torch.tensor([-20.0], requires_grad=True)
    (answer,) = torch.autograd.grad(play_game(judge, (torch.ones(1),), (fake,), ALL), fake)
    assert answer.item() == pytest.approx(-0.5, abs=1e-3)


def test_discriminator_gets_its_own_loss_and_the_penalty_alone(judge):
    real, fake = torch.tensor([1.0]), torch.tensor([3.0], requires_grad=True)
    (found,) = torch.autograd.grad(play_game(judge, (real,), (fake,), ALL, penalty=2.0), judge.factor)
    # The derivative by f of softplus(-f) + softplus(3 f) + f^2 at f = 0.5.
    assert found.item() == pytest.approx(-sigmoid(-0.5) + 3 * sigmoid(1.5) + 2 * 0.5)


def test_real_samples_get_no_gradient(judge):
    real = torch.ones(1, requires_grad=True)
    play_game(judge, (real,), (torch.ones(1),), ALL).backward()
    assert real.grad is None


def test_game_is_the_same_with_gradients_switched_off(judge):
    arguments = (judge, (torch.tensor([1.0]),), (torch.tensor([3.0]),), ALL)
    with torch.no_grad():
        found = play_game(*arguments)
    assert found.item() == pytest.approx(play_game(*arguments).item())
