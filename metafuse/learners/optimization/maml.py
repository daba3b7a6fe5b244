"""MAML: learn weights from which a few gradient steps on a support set adapt to it; and its cheaper forms.

    theta_t <- theta_t - inner_lr * gradient of L(theta_t; support of t), inner_steps times from theta on
    minimise sum_t L(theta_t; query of t) by theta

- `maml`: second order.
- `fomaml`: inner gradients are constants (section 5.2 of the paper), so its gradient is that of the adapted weights.
- `anil`: only the head adapts (Raghu et al. 2020, "Rapid Learning or Feature Reuse?", arXiv:1909.09157).

Deviations: a class's weights start at its prototype (Proto-MAML: Triantafillou et al. 2020, arXiv:1903.03096) or, with
head="zero", at zero, so that any number of classes works; head="per_class" is the original. On frozen sentence features
of unit length five steps from prototypes are as right as nearest prototype or up to 0.4 points better, from zero up to
5 points worse with 45 classes (not with inner_lr=0.4, feature_scale=20). Every class counts the same in the support
loss, however many shots it has.

Reference: Finn, Abbeel, Levine 2017, "Model-Agnostic Meta-Learning", arXiv:1703.03400, algorithm 1.
"""

from torch import nn

from metafuse.learners.optimization.gradient_learner import GradientLearner, InnerOptions
from metafuse.learners.optimization.update_rules import Sgd


def maml(
    backbone: nn.Module,
    *,
    inner_steps: int = 5,
    inner_lr: float = 0.1,
    head: str = "prototype",
    n_way: int | None = None,
    feature_scale: float = 1.0,
    first_order: bool = False,
    adapt_only: str = "all",
    chunk_size: int | None = None,
    seed: int = 0,
) -> GradientLearner:
    """Build MAML; see `InnerOptions` for the options and what they may be."""
    options = InnerOptions(
        inner_steps, adapt_only, head, n_way, feature_scale, first_order, chunk_size=chunk_size, seed=seed
    )
    return GradientLearner(backbone, Sgd(inner_lr), options)


def fomaml(
    backbone: nn.Module,
    *,
    inner_steps: int = 5,
    inner_lr: float = 0.1,
    head: str = "prototype",
    n_way: int | None = None,
    feature_scale: float = 1.0,
    chunk_size: int | None = None,
    seed: int = 0,
) -> GradientLearner:
    """Build first-order MAML; see `maml`."""
    return maml(
        backbone, inner_steps=inner_steps, inner_lr=inner_lr, head=head, n_way=n_way, feature_scale=feature_scale,
        first_order=True, chunk_size=chunk_size, seed=seed,
    )  # fmt: skip


def anil(
    backbone: nn.Module,
    *,
    inner_steps: int = 5,
    inner_lr: float = 0.1,
    head: str = "prototype",
    n_way: int | None = None,
    feature_scale: float = 1.0,
    first_order: bool = False,
    chunk_size: int | None = None,
    seed: int = 0,
) -> GradientLearner:
    """Build ANIL; see `maml`."""
    return maml(
        backbone, inner_steps=inner_steps, inner_lr=inner_lr, head=head, n_way=n_way, feature_scale=feature_scale,
        first_order=first_order, adapt_only="head", chunk_size=chunk_size, seed=seed,
    )  # fmt: skip
