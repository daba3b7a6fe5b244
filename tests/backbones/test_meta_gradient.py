"""Second-order meta-gradients through the backbones, against finite differences in float64."""

import pytest
import torch
from torch.func import functional_call, grad, vmap

from metafuse.backbones.cnn1d import Cnn1d
from metafuse.backbones.conv4 import Conv4
from metafuse.backbones.resnet12 import ResNet12

INNER_LR = 0.4
N_TASKS, N_ITEMS = 3, 4
CASES = {
    "conv4": (Conv4(image_size=32, channels=4, statistics="batch"), (1, 32, 32)),
    "conv4 stride": (Conv4(image_size=16, channels=3, downsampling="stride", statistics="batch"), (1, 16, 16)),
    "resnet12": (ResNet12(in_channels=1, image_size=8, widths=(2, 3), statistics="batch"), (1, 8, 8)),
    "cnn1d": (Cnn1d(in_channels=2, widths=(3, 3), kernels=(4, 3), statistics="batch"), (2, 9)),
}


def meta_loss(backbone, weights, support, query):
    """Mean query loss after one inner gradient step a task, all tasks at once."""

    def loss(adapted, items):
        # A smooth function of the embedding with a third derivative.
        return (functional_call(backbone, adapted, items) ** 3).mean() + functional_call(
            backbone, adapted, items
        ).mean()

    def task(items, others):
        steps = grad(loss)(weights, items)
        return loss({name: value - INNER_LR * steps[name] for name, value in weights.items()}, others)

    return vmap(task)(support, query).mean()


@pytest.mark.parametrize("case", CASES)
def test_vmapped_second_order_gradient_equals_finite_difference(case):
    backbone, shape = CASES[case]
    backbone = backbone.double().train()
    generator = torch.Generator().manual_seed(0)
    draw = lambda *size: torch.randn(*size, generator=generator, dtype=torch.float64)  # noqa: E731
    support, query = draw(N_TASKS, N_ITEMS, *shape), draw(N_TASKS, N_ITEMS, *shape)
    # Away from weight 1 and bias 0, where errors in their terms would not show.
    weights = {name: value.detach() + 0.1 * draw(*value.shape) for name, value in backbone.named_parameters()}
    exact = grad(lambda at: meta_loss(backbone, at, support, query))(weights)
    direction = {name: draw(*value.shape) for name, value in weights.items()}

    def along(step):
        return meta_loss(backbone, {n: v + step * direction[n] for n, v in weights.items()}, support, query)

    # Central difference with an error of order step^4.
    step = 1e-6  # short, so that no ReLU and no maximum turns over within it
    measured = (8 * (along(step) - along(-step)) - (along(2 * step) - along(-2 * step))) / (12 * step)
    expected = sum((exact[name] * direction[name]).sum() for name in weights)
    assert abs(measured - expected) / abs(measured) < 1e-6


@pytest.mark.parametrize("case", CASES)
def test_vmapped_gradient_equals_one_task_at_a_time(case):
    backbone, shape = CASES[case]
    backbone = backbone.double().train()
    generator = torch.Generator().manual_seed(1)
    sets = torch.randn(2, N_TASKS, N_ITEMS, *shape, generator=generator, dtype=torch.float64)
    weights = {name: value.detach() for name, value in backbone.named_parameters()}
    together = grad(lambda at: meta_loss(backbone, at, sets[0], sets[1]))(weights)
    leaves = {name: value.clone().requires_grad_() for name, value in weights.items()}
    for support, query in zip(*sets, strict=True):

        def loss(at, items):
            embedding = functional_call(backbone, at, items)
            return (embedding**3).mean() + embedding.mean()

        inner = torch.autograd.grad(loss(leaves, support), list(leaves.values()), create_graph=True)
        adapted = {name: leaves[name] - INNER_LR * step for name, step in zip(leaves, inner, strict=True)}
        (loss(adapted, query) / N_TASKS).backward()
    for name, leaf in leaves.items():
        torch.testing.assert_close(together[name], leaf.grad, rtol=1e-9, atol=1e-12)
