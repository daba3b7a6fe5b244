import torch
from torch.testing import assert_close

from metafuse.learners.optimization.inner_loop import batch_gradient, run_inner_loop
from metafuse.learners.optimization.update_rules import Sgd


def quadratic(parameters, target):
    """Half the squared distance: a step of rate r goes the share r of the way to the target."""
    return (parameters["w"] - target).square().sum() / 2


def adapt(start, targets, *, shared=True, chunk_size=None, **options):
    start = {"w": start}
    gradient = batch_gradient(quadratic, targets, start, frozenset({"w"} if shared else ()), chunk_size)
    return run_inner_loop(gradient, start, Sgd(0.5), **options)


def test_each_task_goes_its_own_way_from_the_shared_start():
    after = adapt(torch.tensor([0.0]), torch.tensor([[4.0], [8.0]]), n_steps=2)
    assert_close([each["w"] for each in after], [torch.tensor([[2.0], [4.0]]), torch.tensor([[3.0], [6.0]])])


def test_tasks_may_start_at_their_own_places():
    after = adapt(torch.tensor([[2.0], [0.0]]), torch.tensor([[4.0], [8.0]]), shared=False, n_steps=1)
    assert_close(after[0]["w"], torch.tensor([[3.0], [4.0]]))


def test_chunks_change_nothing():
    targets = torch.arange(5.0).unsqueeze(1)
    whole, chunked = (adapt(torch.tensor([1.0]), targets, n_steps=2, chunk_size=size)[-1]["w"] for size in (None, 2))
    assert torch.equal(whole, chunked)


def test_first_order_takes_gradients_as_constants():
    # Second order: each step halves what is left, so two steps pass on a quarter; first order passes on all.
    for first_order, passed_on in ((False, 0.25), (True, 1.0)):
        start = torch.tensor([1.0], requires_grad=True)
        adapt(start, torch.tensor([[4.0]]), n_steps=2, first_order=first_order)[-1]["w"].sum().backward()
        assert start.grad.item() == passed_on


def test_gradients_switched_off_change_nothing():
    with torch.no_grad():
        after = adapt(torch.tensor([0.0], requires_grad=True), torch.tensor([[4.0]]), n_steps=1)[0]["w"]
    assert after.item() == 2.0
    assert not after.requires_grad
