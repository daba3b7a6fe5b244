"""Meta-SGD: learn the inner rate of every number beside where it starts; direction and length of a step are learned.

    theta_t = theta - alpha * gradient of L(theta; support of t)        alpha as many numbers as theta

Deviations: several steps share alpha; a head whose classes start alike has one rate a feature, shared by the classes
(one in all where the backbone has no fixed length), so that any number of classes works. See also `maml`.

Reference: Li, Zhou, Chen, Li 2017, "Meta-SGD", arXiv:1707.09835, eq. 2.
"""

from torch import nn

from metafuse.learners.optimization.gradient_learner import GradientLearner, InnerOptions, learned_shapes
from metafuse.learners.optimization.update_rules import LearnedRates


def meta_sgd(
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
    """Build Meta-SGD, every rate at `inner_lr`; see `InnerOptions` for the other options."""
    options = InnerOptions(
        inner_steps, adapt_only, head, n_way, feature_scale, first_order, chunk_size=chunk_size, seed=seed
    )
    return GradientLearner(backbone, LearnedRates(learned_shapes(backbone, options), inner_lr), options)
