"""The inner loop of every optimization learner: gradient steps on the support sets of a batch of tasks at once.

    theta_t <- rule(theta_t, gradient of L(theta_t; support of task t))        n_steps times, all tasks t side by side

Parameters that all tasks start from have no task axis before the first step, so that its convolutions and matrix
products are one large one with shared weights; after it, each task has its own.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import grad, vmap

from metafuse.errors import ConfigError
from metafuse.learners.optimization.update_rules import Gradient, Parameters, UpdateRule

INEXACT = (nn.modules.batchnorm._BatchNorm, nn.modules.instancenorm._InstanceNorm, nn.LayerNorm)
"""Second-order gradients through these with affine weights are silently wrong under `vmap` (torch 2.13)."""


def run_inner_loop(
    gradient: Gradient, start: Parameters, rule: UpdateRule, *, n_steps: int, first_order: bool = False
) -> list[Parameters]:
    """Adapt parameters to each task.

    Args:
        gradient: Of the support losses.
        start: Parameters before the first step, with the task axis or, where all tasks share them, without.
        rule: Makes steps of gradients.
        n_steps: At least 1.
        first_order: Take the gradients as constants when what is returned is differentiated.
    Returns:
        The parameters after each step, the task axis first.
    """
    parameters, after = start, []
    memory: Parameters = {}
    for step in range(n_steps):
        with torch.set_grad_enabled(torch.is_grad_enabled() and not first_order):
            gradients = gradient(parameters)
        parameters, memory = rule.step(step, parameters, gradients, memory)
        after.append(parameters)
    return after


def batch_gradient(
    loss: Callable[[Parameters, object], Tensor], tasks: object, start: Parameters, shared: frozenset[str],
    chunk_size: int | None,
) -> Gradient:  # fmt: skip
    """Make the gradient of all tasks' losses from the loss of one task.

    Args:
        loss: (parameters, task) -> support loss.
        tasks: Tensors, or dicts and tuples of them, the task axis first.
        start: Parameters before the first step.
        shared: Names of those without a task axis there.
        chunk_size: Tasks worked on at once; all of them when None.
    """
    one_task = grad(loss)

    def gradient(parameters: Parameters) -> Parameters:
        axes = {name: None if parameters is start and name in shared else 0 for name in parameters}
        return vmap(one_task, in_dims=(axes, 0), chunk_size=chunk_size)(dict(parameters), tasks)

    return gradient


def check_exact(backbone: nn.Module) -> None:
    """Check that a backbone can be adapted under `torch.func`.

    Raises:
        ConfigError: it holds a normalisation whose gradients would be wrong, or that keeps running statistics.
    """
    for name, module in backbone.named_modules():
        if isinstance(module, INEXACT) and getattr(module, "weight", None) is not None:
            raise ConfigError(
                f"backbone: expected normalisation whose second derivatives are right under torch.func.vmap, got "
                f"'{name}' ({type(module).__name__}), where they are not. Use"
                " metafuse.backbones.normalisation.BatchNorm."
            )
        if getattr(module, "running_mean", None) is not None:
            raise ConfigError(
                f"backbone: expected normalisation by the batch, as each task has its own weights, got running "
                f"statistics in '{name}'. Build the backbone with statistics='batch'."
            )
