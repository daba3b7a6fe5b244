"""Boosting: experts vote, and each round picks the one that is right most often where those before were wrong.

    score_c(x) = sum_t alpha_t [argmax p_v(t)(y | x) = c],    alpha_t = log((1 - e_t) / e_t) + log(n_way - 1)

scikit-learn's AdaBoostClassifier (SAMME) runs the rounds; its weak learner is the expert of least weighted error e_t.

Reference: Zhu, Zou, Rosset, Hastie 2009, "Multi-class AdaBoost". Deviations: the weak learners are fitted already and
only chosen among; votes are summed per expert, their softmax is scaled to be calibrated, and ties and rows on which
votes are few are decided by a share of the product of experts.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from metafuse.fusion.combination import Said
from metafuse.fusion.late import combine_experts, fit_expert_weights, log_softmax
from metafuse.fusion.plan import FusionPlan

N_ROUNDS = 20


@dataclass(frozen=True)
class BoostedExperts:
    """Weighted votes of experts beside their product.

    Args:
        votes: Sum of each expert's alphas, all of them summing to 1.
        vote_scale: Weight of the votes.
        product_scale: Weight of the product, in which experts count as in the vote.
    """

    votes: tuple[float, ...]
    vote_scale: float
    product_scale: float

    def combine(self, said: Said) -> Float[np.ndarray, "n n_way"]:
        """Count votes; log-probabilities."""
        counted, product = _parts(said, self.votes)
        return log_softmax(np.float32(self.vote_scale) * counted + np.float32(self.product_scale) * product)


def fit_boosting(said: Said, class_index: Int[np.ndarray, " n"], seed: int) -> BoostedExperts:
    """Boost over experts' held-out predictions."""
    from sklearn.ensemble import AdaBoostClassifier

    from metafuse.fusion.expert_estimators import BestExpert

    best = BestExpert(n_experts=len(said)).fit(np.concatenate(said, axis=1), class_index)
    rounds = [(best.expert_, 1.0)]
    if best.error_ < 1 - 1 / len(best.classes_):  # else the first round is refused as no better than chance
        boosted = AdaBoostClassifier(BestExpert(n_experts=len(said)), n_estimators=N_ROUNDS, random_state=seed)
        boosted.fit(np.concatenate(said, axis=1), class_index)
        pairs = zip(boosted.estimators_, boosted.estimator_weights_, strict=False)
        rounds = [(one.expert_, float(alpha)) for one, alpha in pairs]
    votes = np.zeros(len(said))
    for expert, alpha in rounds:
        votes[expert] += alpha
    shares = tuple(map(float, votes / votes.sum()))
    counted, product = _parts(said, shares)
    vote_scale, product_scale = fit_expert_weights([counted, product], class_index, [1.0, 1.0])
    return BoostedExperts(shares, vote_scale, product_scale)


def boosting() -> FusionPlan:
    """An expert per modality and one on all of them, boosted."""
    return FusionPlan(combinations={"boosting": fit_boosting})


def _parts(said: Said, votes: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    n_way = said[0].shape[1]
    counted = np.zeros_like(said[0])
    for vote, matrix in zip(votes, said, strict=True):
        speaks = matrix.any(axis=1, keepdims=True)
        counted += np.float32(vote) * speaks * np.eye(n_way, dtype=np.float32)[matrix.argmax(axis=1)]
    return counted, combine_experts(said, votes)
