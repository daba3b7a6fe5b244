"""The linear head of the inner loop: where it starts, its logits and the gradient of its support loss.

Every class starts alike, so that any number of classes works and their order does not matter (Ye, Chao 2022, "How to
Train Your MAML to Excel in Few-Shot Classification", arXiv:2106.16245). A learned vector that all classes start from
would change nothing: softmax does not see what is added to every class. So they start at prototypes or at zero.
"""

from collections.abc import Callable, Mapping
from functools import partial

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from metafuse.episodes.batch import Support
from metafuse.learners.episodic import ABSENT_LOGIT, class_means
from metafuse.learners.optimization.update_rules import Gradient, Parameters

HEADS = ("zero", "prototype", "per_class")
WEIGHT, BIAS = "head.weight", "head.bias"


def balanced_targets(support: Support) -> Float[Tensor, "n_tasks n_support n_way"]:
    """One-hot classes, weighted so that every class of an episode counts the same and they sum to 1."""
    targets = support.targets()
    total = targets.sum(dim=1, keepdim=True)
    n_present = (total > 0).sum(dim=2, keepdim=True).clamp(min=1)
    return targets / total.clamp(min=torch.finfo(targets.dtype).tiny) / n_present


def start_from_prototypes(
    features: Float[Tensor, "n_tasks n_support dim"], support: Support, scale: float
) -> dict[str, Tensor]:
    """Weights and biases whose logits are minus the squared distance to each prototype, up to what classes share.

    Reference: Triantafillou et al. 2020, "Meta-Dataset", arXiv:1903.03096, section 3.1 (Proto-MAML).
    """
    prototypes = class_means(features, support)
    return {WEIGHT: 2 * scale * prototypes, BIAS: -(scale**2) * prototypes.square().sum(-1)}


def head_logits(
    parameters: Parameters, features: Float[Tensor, "*tasks n dim"], present: Bool[Tensor, "*tasks n_way"], scale: float
) -> Float[Tensor, "*tasks n n_way"]:
    """Score features times a scale; `ABSENT_LOGIT` for classes an episode does not have."""
    # In this order the gradient by the weights is (n_way, n) @ (n, dim), several times as quick as its transpose.
    logits = scale * (parameters[WEIGHT] @ features.mT).mT + parameters[BIAS].unsqueeze(-2)
    return logits.masked_fill(~present.unsqueeze(-2), ABSENT_LOGIT)


def support_loss(
    logits: Float[Tensor, "*tasks n n_way"], targets: Float[Tensor, "*tasks n n_way"]
) -> Float[Tensor, "*tasks"]:
    """Cross entropy with weighted targets."""
    return -(targets * nn.functional.log_softmax(logits, dim=-1)).sum((-2, -1))


def adapt_head(
    features: Float[Tensor, "n_tasks n dim"],
    targets: Float[Tensor, "n_tasks n n_way"],
    present: Bool[Tensor, "n_tasks n_way"],
    start: Parameters,
    adapt: Callable[[Gradient, Parameters], list[Parameters]],
    *,
    scale: float,
    in_span: bool,
) -> list[Parameters]:
    """Adapt the head alone; the gradient of the support loss is (softmax(logits) - target) x^T for each item x.

    Args:
        features: Embeddings of the support items.
        targets: Their weighted classes.
        present: Classes each task has.
        start: Weights and biases before the first step.
        adapt: The inner loop: (gradient, start) -> parameters after each step.
        scale: Of the features.
        in_span: Describe the weights by a number for each item and class instead: they only ever move along the
            items, so a step then costs products of the items' similarities, however long the features. For rules that
            move a tensor at one rate.
    Returns:
        Weights and biases after each step.
    """
    if not in_span:
        gradient = partial(_head_gradient, features=features, targets=targets, present=present, scale=scale)
        return adapt(gradient, start)
    # W = W_start + C^T X, and a step along the gradient R^T X of W is a step along R of C.
    base, similarity = scale * (features @ start[WEIGHT].mT), scale**2 * (features @ features.mT)

    def gradient_in_span(parameters: Parameters) -> Parameters:
        logits = base + similarity @ parameters[WEIGHT] + parameters[BIAS].unsqueeze(-2)
        residual = _residual(logits.masked_fill(~present.unsqueeze(-2), ABSENT_LOGIT), targets)
        return {WEIGHT: residual, BIAS: residual.sum(-2)}

    after = adapt(gradient_in_span, {WEIGHT: torch.zeros_like(targets), BIAS: start[BIAS]})
    return [
        {WEIGHT: start[WEIGHT] + scale * (parameters[WEIGHT].mT @ features), BIAS: parameters[BIAS]}
        for parameters in after
    ]


def head_shapes(head: str, n_way: int | None, dim: int | None) -> Mapping[str, tuple[int, ...]]:
    """Shapes of numbers a rule may learn for the head: alike for every class unless the head is one per class."""
    if head == "per_class" and n_way is not None and dim is not None:
        return {WEIGHT: (n_way, dim), BIAS: (n_way,)}
    return {WEIGHT: (1, dim or 1), BIAS: (1,)}


def _head_gradient(
    parameters: Parameters,
    features: Float[Tensor, "n_tasks n dim"],
    targets: Float[Tensor, "n_tasks n n_way"],
    present: Bool[Tensor, "n_tasks n_way"],
    scale: float,
) -> Parameters:
    residual = _residual(head_logits(parameters, features, present, scale), targets)
    return {WEIGHT: scale * (residual.mT @ features), BIAS: residual.sum(-2)}


def _residual(
    logits: Float[Tensor, "n_tasks n n_way"], targets: Float[Tensor, "n_tasks n n_way"]
) -> Float[Tensor, "n_tasks n n_way"]:
    return logits.softmax(dim=-1) * targets.sum(-1, keepdim=True) - targets
