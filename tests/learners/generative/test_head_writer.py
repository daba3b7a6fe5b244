import torch
from torch.testing import assert_close

from metafuse.episodes.batch import Support
from metafuse.learners.generative.head_writer import HeadWriter, view_support

SCALE = torch.tensor(10.0)


def write_logistic_step(rate):
    """A writer whose coefficients are rate * (target - probability) / reach: its second relation."""
    writer = HeadWriter(hidden=4, n_noise=0, n_rounds=1, seed=0)
    with torch.no_grad():
        writer.outer.weight[0, 4 + 1] = rate
    return writer


def test_items_are_unit_vectors_and_classes_their_weighted_means():
    items = torch.tensor([[[3.0, 0.0], [0.0, 2.0], [0.0, 5.0]]])
    view = view_support(items, Support(items, torch.tensor([[0, 0, 1]]), torch.tensor([[1.0, 0.5, 1.0]]), 3))
    assert_close(view.items, torch.tensor([[[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]]))
    assert_close(view.means[0, :2], torch.tensor([[2 / 3, 1 / 3], [0.0, 1.0]]))
    assert view.present.tolist() == [[True, True, False]]


def test_head_starts_imprinted(episode_batch):
    batch = episode_batch([2, 3])
    view = view_support(batch.support.items, batch.support)
    head = HeadWriter(hidden=4, n_noise=0, n_rounds=3, seed=0)(view, SCALE)
    assert_close(head.weight, view.prototypes)
    assert_close(head.bias, torch.zeros(2, 2))


def test_writer_can_take_a_step_of_logistic_regression(episode_batch):
    batch = episode_batch([3, 3, 3], spread=1.0)
    view = view_support(batch.support.items, batch.support)
    head = write_logistic_step(0.7)(view, SCALE)
    weight = view.prototypes.clone().requires_grad_()
    logits = SCALE * view.items @ weight.mT
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch.support.class_index.flatten(), reduction="sum")
    (gradient,) = torch.autograd.grad(loss, weight)
    # Items count a third each, and the gradient has the scale in it.
    assert_close(head.weight, weight.detach() - 0.7 / 3 / SCALE * gradient, rtol=1e-4, atol=1e-5)


def test_writer_fits_any_dimension(episode_batch):
    writer = write_logistic_step(0.5)
    for dim in (5, 11):
        batch = episode_batch([2, 2], dim=dim)
        assert writer(view_support(batch.support.items, batch.support), SCALE).weight.shape == (2, 2, dim)


def test_absent_class_gets_no_head(episode_batch):
    batch = episode_batch([2, 2])
    support = Support(batch.support.items, batch.support.class_index, batch.support.weight, 3)
    head = write_logistic_step(0.5)(view_support(support.items, support), SCALE)
    assert head.weight[:, 2].abs().sum() == 0
