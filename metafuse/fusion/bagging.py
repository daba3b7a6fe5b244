"""Bagging: the mean prediction of products of experts, each over a resample of the rows and some of the modalities.

    p(y | x) = 1/B sum_b softmax( sum_v w_bv log p_v(y | x) ),    w_b fitted to bootstrap b, zero outside its experts

scikit-learn's BaggingClassifier draws the bootstraps; each draws half of the experts, at least one.

Reference: Breiman 1996, "Bagging Predictors"; Ho 1998, "The Random Subspace Method". Deviations: the rows resampled are
experts' held-out predictions, so that bags cost milliseconds and not an adaptation each; a bag in which no expert says
anything of a row is left out of that row's mean.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from metafuse.fusion.combination import Said
from metafuse.fusion.late import combine_experts
from metafuse.fusion.plan import FusionPlan

N_BAGS = 25


@dataclass(frozen=True)
class BaggedExperts:
    """Products of experts, averaged.

    Args:
        weights: One row a bag.
    """

    weights: Float[np.ndarray, "n_bags n_experts"]

    def combine(self, said: Said) -> Float[np.ndarray, "n n_way"]:
        """Average the bags' probabilities; log-probabilities."""
        there = np.stack([matrix.any(axis=1) for matrix in said], axis=1)
        total, count = np.zeros_like(said[0]), np.zeros((len(there), 1), dtype=np.float32)
        for weights in self.weights:
            speaks = (there & (weights > 0)).any(axis=1, keepdims=True)
            total += np.where(speaks, np.exp(combine_experts(said, weights.tolist())), np.float32(0))
            count += speaks
        uniform = np.float32(1 / said[0].shape[1])
        return np.log(np.where(count > 0, total / np.maximum(count, 1), uniform) + np.float32(1e-9))


def fit_bagging(said: Said, class_index: Int[np.ndarray, " n"], seed: int) -> BaggedExperts:
    """Fit a product of experts to each bootstrap of held-out predictions."""
    from sklearn.ensemble import BaggingClassifier

    from metafuse.fusion.expert_estimators import ProductOfSome

    bags = BaggingClassifier(ProductOfSome(n_experts=len(said)), n_estimators=N_BAGS, random_state=seed)
    bags.fit(np.concatenate(said, axis=1), class_index)
    return BaggedExperts(np.array([bag.weights_ for bag in bags.estimators_], dtype=np.float32))


def bagging() -> FusionPlan:
    """An expert per modality and one on all of them, bagged."""
    return FusionPlan(combinations={"bagging": fit_bagging})
