"""Experts' predictions as scikit-learn estimators, for its ensembles to draw from; each sees all experts side by side.

X is (n, n_experts * n_way): log-probabilities, expert after expert, rows of zeros where one has nothing to say.
Import it inside functions only: it loads scikit-learn.
"""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state

from metafuse.fusion.late import combine_experts, fit_expert_weights

PULL = 0.3
"""Pull of a bag's weights to an equal share."""


class ProductOfSome(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A product over half of the experts, drawn at random.

    Args:
        n_experts: In X.
        random_state: Draws the experts.
    """

    def __init__(self, n_experts: int = 1, random_state: Any = None) -> None:
        self.n_experts = n_experts
        self.random_state = random_state

    def fit(self, x: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None) -> "ProductOfSome":
        """Fit the weights to the rows, each repeated as its weight says."""
        random = check_random_state(self.random_state)
        chosen = np.sort(random.permutation(self.n_experts)[: (self.n_experts + 1) // 2])
        repeats = np.ones(len(y), dtype=int) if sample_weight is None else np.rint(sample_weight).astype(int)
        rows = np.repeat(np.arange(len(y)), repeats)
        said = np.split(x[rows], self.n_experts, axis=1)
        found = fit_expert_weights([said[at] for at in chosen], y[rows], [1 / len(chosen)] * len(chosen), pull=PULL)
        self.classes_ = np.unique(y)
        self.weights_ = np.zeros(self.n_experts)
        self.weights_[chosen] = found
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Most probable class."""
        return np.asarray(combine_experts(np.split(x, self.n_experts, axis=1), self.weights_.tolist()).argmax(axis=1))


class BestExpert(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The expert that is wrong least, by weight.

    Args:
        n_experts: In X.
    """

    def __init__(self, n_experts: int = 1) -> None:
        self.n_experts = n_experts

    def fit(self, x: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None) -> "BestExpert":
        """Choose it; the first of those alike."""
        weight = np.full(len(y), 1 / len(y)) if sample_weight is None else sample_weight / sample_weight.sum()
        said = np.split(x, self.n_experts, axis=1)
        errors = [float(weight @ ((matrix.argmax(axis=1) != y) | ~matrix.any(axis=1))) for matrix in said]
        self.classes_ = np.unique(y)
        self.expert_ = int(np.argmin(errors))
        self.error_ = errors[self.expert_]
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Class it names."""
        return np.asarray(np.split(x, self.n_experts, axis=1)[self.expert_].argmax(axis=1))
