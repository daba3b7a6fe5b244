"""Late fusion: a product of calibrated experts, one per view of an item.

    log p(y | x)  ~  sum_v w_v * log p_v(y | x_v)

Each expert's weight comes from its held-out predictions on the support set: minimise the log loss
of the product, pulled towards a prior. An expert that knows nothing gets weight 0, and an expert that is
too sure of itself a weight under 1, so a weak modality cannot outvote a strong one. An expert whose
columns an item lacks says nothing about that item.

Reference: Hinton 1999, "Products of Experts"; the log-opinion pool of Heskes 1998, with the weights fitted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import minimize

from metafuse.fusion.plan import FusionPlan

PULL = 0.01


@dataclass(frozen=True)
class WeightedProduct:
    """A product of experts as a combination.

    Args:
        weights: One per expert, at least 0.
    """

    weights: tuple[float, ...]

    def combine(self, said: Sequence[Float[np.ndarray, "n n_way"]]) -> Float[np.ndarray, "n n_way"]:
        """Multiply; see `combine_experts`."""
        return combine_experts(said, self.weights)


def combine_experts(
    log_probabilities: Sequence[Float[np.ndarray, "n_items n_way"]], weights: Sequence[float]
) -> Float[np.ndarray, "n_items n_way"]:
    """Multiply the experts' probabilities, raised to their weights, and renormalise.

    Args:
        log_probabilities: One matrix per expert; rows of zeros where it has nothing to say.
        weights: One per expert, at least 0; the result is uniform where all are.
    Returns:
        Log-probabilities.
    """
    pairs = zip(weights, log_probabilities, strict=True)
    said = (np.float32(weight) * matrix for weight, matrix in pairs if weight > 0)
    return log_softmax(sum(said, start=np.zeros_like(log_probabilities[0])))


def fit_expert_weights(
    held_out: Sequence[Float[np.ndarray, "n_support n_way"]],
    class_index: Int[np.ndarray, " n_support"],
    prior: Sequence[float],
    *,
    pull: float = PULL,
) -> list[float]:
    """Choose the weights that minimise the log loss of the product on held-out predictions.

    Args:
        held_out: Each expert's log-probabilities of support items it was not fitted on.
        class_index: Their classes.
        prior: Weights to stay near where the support set says little.
        pull: Cost of a squared distance of one from the prior, in mean log loss.
    """
    stack = np.stack(held_out).astype(np.float64)
    rows = np.arange(len(class_index))
    start = np.asarray(prior, dtype=np.float64)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        logs = log_softmax(np.tensordot(weights, stack, axes=1))
        residual = np.exp(logs)
        residual[rows, class_index] -= 1
        gradient = np.einsum("vnc,nc->v", stack, residual) / len(rows)
        away = weights - start
        return -logs[rows, class_index].mean() + pull * away @ away, gradient + 2 * pull * away

    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * len(start))
    return [float(weight) for weight in found.x]


def late() -> FusionPlan:
    """An expert per modality, multiplied."""
    return FusionPlan(fused=False)


def log_softmax(logits: Float[np.ndarray, "n n_way"]) -> Float[np.ndarray, "n n_way"]:
    """Turn logits into log-probabilities, row by row."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
