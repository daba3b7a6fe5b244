"""A learned update rule: a small network turns each gradient and its running average into the step.

    step = inner_lr ((1 + a) g + b m)        (a, b) = network(log magnitude and sign of g and of m), zero at the start

Deviations: the network adds to gradient descent and starts at nothing, where the paper's is all of the step; the state
of a number is the average of its gradients, where the paper's is that of an LSTM; the start is learned with the rule.

Reference: Andrychowicz et al. 2016, "Learning to learn by gradient descent by gradient descent", arXiv:1606.04474.
"""

from torch import nn

from metafuse.learners.optimization.gradient_learner import GradientLearner, InnerOptions
from metafuse.learners.optimization.update_rules import LearnedRule


def learned_update(
    backbone: nn.Module,
    *,
    inner_steps: int = 5,
    inner_lr: float = 0.1,
    hidden: int = 8,
    decay: float = 0.5,
    head: str = "prototype",
    n_way: int | None = None,
    feature_scale: float = 1.0,
    first_order: bool = False,
    adapt_only: str = "all",
    chunk_size: int | None = None,
    seed: int = 0,
) -> GradientLearner:
    """Build a learner with a learned update rule; see `LearnedRule` and `InnerOptions` for the options.

    It takes `hidden` numbers of memory a step for every adapted number of every task: mind `chunk_size`.
    """
    options = InnerOptions(
        inner_steps, adapt_only, head, n_way, feature_scale, first_order, chunk_size=chunk_size, seed=seed
    )
    return GradientLearner(backbone, LearnedRule(inner_lr, hidden=hidden, decay=decay, seed=seed), options)
