import numpy as np
import pytest
import torch

from metafuse.crossmodal.networks import build_network, freeze_network, minimise


def test_frozen_network_answers_as_the_trained_one():
    network = build_network(4, 8, 3, torch.Generator().manual_seed(0))
    x = torch.randn(5, 4, generator=torch.Generator().manual_seed(1))
    assert freeze_network(network).forward(x.numpy()) == pytest.approx(network(x).detach().numpy(), abs=1e-6)


def test_training_finds_the_mean():
    target = torch.tensor([1.0, 2.0, 3.0, 4.0])
    found = torch.zeros(1, requires_grad=True)

    def loss_of(rows: np.ndarray, random: np.random.Generator) -> torch.Tensor:
        return (target[torch.from_numpy(rows)] - found).square().mean()

    minimise([found], loss_of, 4, steps=400, lr=0.1, seed=0)
    assert found.item() == pytest.approx(2.5, abs=0.02)
