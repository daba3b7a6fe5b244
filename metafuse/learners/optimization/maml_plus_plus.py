"""MAML++: MAML with a learned rate for each tensor and step, and a query loss after every step.

    minimise sum_s w_s L(theta_t after step s; query of t)        w_s as step_decay ** (steps still to come)

Deviations: the weights w_s are fixed, where the paper moves them to the last step as training goes on: a learner has no
clock; gradients are second order from the start (`first_order` gives the paper's first phase); normalisation is
by the batch, with weights shared by the steps; the outer rate is the training's. See also `maml`.

Reference: Antoniou, Edwards, Storkey 2019, "How to train your MAML", arXiv:1810.09502, section 4.
"""

from torch import nn

from metafuse.errors import ConfigError
from metafuse.learners.optimization.gradient_learner import GradientLearner, InnerOptions, learned_shapes
from metafuse.learners.optimization.update_rules import StepRates


def maml_plus_plus(
    backbone: nn.Module,
    *,
    inner_steps: int = 5,
    inner_lr: float = 0.1,
    step_decay: float = 0.5,
    head: str = "prototype",
    n_way: int | None = None,
    feature_scale: float = 1.0,
    first_order: bool = False,
    adapt_only: str = "all",
    chunk_size: int | None = None,
    seed: int = 0,
) -> GradientLearner:
    """Build MAML++, every rate at `inner_lr`; see `InnerOptions` for the other options.

    Args:
        step_decay: What a step's query loss counts for one step earlier, 0 (the last alone) to 1.
    Raises:
        ConfigError: `step_decay` is outside 0..1, or another option is wrong.
    """
    if not 0 <= step_decay <= 1:
        raise ConfigError(f"step_decay: expected 0 (the last step alone) to 1 (all alike), got {step_decay}.")
    raw = [step_decay ** (inner_steps - 1 - step) for step in range(inner_steps)]
    weights = tuple(weight / sum(raw) for weight in raw)
    options = InnerOptions(
        inner_steps, adapt_only, head, n_way, feature_scale, first_order, chunk_size, step_weights=weights, seed=seed
    )
    return GradientLearner(backbone, StepRates(learned_shapes(backbone, options), inner_steps, inner_lr), options)
