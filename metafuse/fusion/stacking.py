"""Stacking: a meta-learner on what experts say of rows they were not fitted to.

    logits_c(x) = s * (w_0 + sum_v a_v l_vc + b_v p_vc),    l_v = centred log p_v,  p_v less 1 / n_way

The meta-learner is scikit-learn's logistic regression on one row per item and class: is the item of that class?

Reference: Wolpert 1992, "Stacked Generalization"; Ting, Witten 1999, "Issues in Stacked Generalization" (class
probabilities as inputs). Deviations: the coefficients are shared by the classes, as a few labels a class cannot tell a
class's own from noise, and they see that class's columns only; s makes the softmax of the scores calibrated.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from metafuse.fusion.combination import Said, centre
from metafuse.fusion.late import fit_expert_weights, log_softmax
from metafuse.fusion.plan import FusionPlan

INVERSE_PENALTY = 1.0


@dataclass(frozen=True)
class StackedExperts:
    """A meta-learner of experts.

    Args:
        log_weights: Of each expert's centred log-probability of a class.
        weights: Of its probability.
        scale: Of the result.
    """

    log_weights: tuple[float, ...]
    weights: tuple[float, ...]
    scale: float

    def combine(self, said: Said) -> Float[np.ndarray, "n n_way"]:
        """Score each class; log-probabilities."""
        total = np.zeros_like(said[0])
        for log_weight, weight, matrix in zip(self.log_weights, self.weights, said, strict=True):
            logs, shares = _inputs(matrix)
            total += np.float32(log_weight) * logs + np.float32(weight) * shares
        return log_softmax(np.float32(self.scale) * total)


def fit_stacking(said: Said, class_index: Int[np.ndarray, " n"], seed: int) -> StackedExperts:
    """Fit the meta-learner to held-out predictions; there is nothing random in it."""
    from sklearn.linear_model import LogisticRegression

    n_experts, n_way = len(said), said[0].shape[1]
    inputs = np.stack([part.ravel() for matrix in said for part in _inputs(matrix)], axis=1)
    is_class = np.eye(n_way, dtype=bool)[class_index].ravel()
    found = LogisticRegression(C=INVERSE_PENALTY, max_iter=500).fit(inputs, is_class).coef_[0].reshape(n_experts, 2)
    raw = StackedExperts(tuple(map(float, found[:, 0])), tuple(map(float, found[:, 1])), 1.0)
    scale = fit_expert_weights([raw.combine(said)], class_index, [1.0])[0]
    return StackedExperts(raw.log_weights, raw.weights, scale)


def stacking() -> FusionPlan:
    """An expert per modality and one on all of them, stacked."""
    return FusionPlan(combinations={"stacking": fit_stacking})


def _inputs(matrix: Float[np.ndarray, "n n_way"]) -> tuple[np.ndarray, np.ndarray]:
    shares = np.exp(log_softmax(matrix)).astype(np.float32)
    return centre(matrix), shares - np.float32(1 / matrix.shape[1])
