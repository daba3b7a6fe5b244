import numpy as np
import pytest
import torch

from metafuse.crossmodal.networks import build_network, freeze_network, minimise, one_torch_thread, stack_networks


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


def test_stacked_networks_answer_as_each_alone():
    generator = torch.Generator().manual_seed(0)
    networks = [build_network(n_in, 8, 3, generator) for n_in in (4, 2)]
    blocks = [np.random.default_rng(n_in).standard_normal((5, n_in), dtype=np.float32) for n_in in (4, 2)]
    stack = stack_networks(networks)
    together = stack.forward(stack.inputs(blocks)).detach().numpy()
    for network, block, answer, frozen in zip(networks, blocks, together, stack.freeze((4, 2)), strict=True):
        alone = network(torch.from_numpy(block)).detach().numpy()
        assert answer == pytest.approx(alone, abs=1e-6)
        assert frozen.forward(block) == pytest.approx(alone, abs=1e-6)


def test_training_uses_one_thread_and_gives_the_others_back():
    found, seen = torch.zeros(1, requires_grad=True), []

    def loss_of(rows: np.ndarray, random: np.random.Generator) -> torch.Tensor:
        seen.append(torch.get_num_threads())
        return found.square().sum()

    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        minimise([found], loss_of, 4, steps=2, lr=0.1, seed=0)
        with pytest.raises(ZeroDivisionError), one_torch_thread():
            1 / 0
        assert (seen, torch.get_num_threads()) == ([1, 1], 3)
    finally:
        torch.set_num_threads(before)
