"""The learner behind MAML and its kin: a backbone, a linear head, and an inner loop that adapts one or both.

    L(theta; support) = cross entropy of head(scale * backbone(x)), every class counting the same whatever its shots

Padding is not in the loss, but where the backbone normalises by the batch it is in the batch.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call, vmap

from metafuse.backbones.initialisation import build_linear
from metafuse.episodes.batch import EpisodeBatch, Items, Support, map_items
from metafuse.errors import ConfigError, EpisodeError
from metafuse.learners.episodic import State, class_mask, embed_items, query_loss
from metafuse.learners.optimization.chunks import as_dict, loss_in_chunks
from metafuse.learners.optimization.heads import (
    BIAS,
    HEADS,
    WEIGHT,
    adapt_head,
    balanced_targets,
    head_logits,
    head_shapes,
    start_from_prototypes,
    support_loss,
)
from metafuse.learners.optimization.inner_loop import batch_gradient, check_exact, run_inner_loop
from metafuse.learners.optimization.update_rules import Parameters, UpdateRule

ADAPTED = ("all", "head")
BACKBONE = "backbone."


@dataclass(frozen=True)
class InnerOptions:
    """How a learner adapts.

    Args:
        inner_steps: Gradient steps on the support set.
        adapt_only: "all" parameters, or the "head".
        head: Where a class starts: its "prototype", "zero", or "per_class" at its own learned weights, as in the
            original MAML; the last knows `n_way` classes in a fixed order.
        n_way: Of the head "per_class".
        feature_scale: What embeddings are multiplied by before the head; its square multiplies the head's rate.
        first_order: Take inner gradients as constants.
        chunk_size: Tasks worked on at once, which bounds memory; all when None.
        step_weights: Weight of the query loss after each step; the last alone counts when None.
        seed: Of the head "per_class".
    Raises:
        ConfigError: an option is not one of its values.
    """

    inner_steps: int
    adapt_only: str = "all"
    head: str = "prototype"
    n_way: int | None = None
    feature_scale: float = 1.0
    first_order: bool = False
    chunk_size: int | None = None
    step_weights: tuple[float, ...] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value, known in (("adapt_only", self.adapt_only, ADAPTED), ("head", self.head, HEADS)):
            if value not in known:
                raise ConfigError(f"{name} '{value}' is not known. Use one of {', '.join(known)}.")
        for name, count in (("inner_steps", self.inner_steps), ("chunk_size", self.chunk_size)):
            if count is not None and count < 1:
                raise ConfigError(f"{name}: expected at least 1, got {count}. Raise it.")
        if self.feature_scale <= 0:
            raise ConfigError(
                f"feature_scale: expected a number over 0, got {self.feature_scale}. 1 leaves features be."
            )
        if (self.head == "per_class") != (self.n_way is not None):
            raise ConfigError(
                f"head '{self.head}' with n_way={self.n_way}: expected n_way with 'per_class' and no other head."
            )


class GradientLearner(nn.Module):
    """Adapts by gradient steps on the support set, and learns where they start and how they are made.

    Args:
        backbone: Embeds items; where it is adapted it normalises by the batch.
        rule: Update rule, with what it learns.
        options: How it adapts.
    Raises:
        ConfigError: the backbone cannot be adapted, or the head needs its `dim` and it has none.
    """

    def __init__(self, backbone: nn.Module, rule: UpdateRule, options: InnerOptions) -> None:
        super().__init__()
        self.adapts_backbone = options.adapt_only == "all"
        if self.adapts_backbone:
            check_exact(backbone)
        self.backbone, self.rule, self.options = backbone, rule, options
        self.head = None
        if options.n_way is not None:
            dim = getattr(backbone, "dim", None)
            if dim is None:
                raise ConfigError("head 'per_class': expected a backbone with a fixed dim. Use head='zero'.")
            self.head = build_linear(dim, options.n_way, torch.Generator().manual_seed(options.seed))

    def adapt(self, support: Support) -> State:
        """Take the inner steps; see `EpisodicLearner.adapt`."""
        return {**self.adapt_stepwise(support)[-1], "class_mask": class_mask(support)}

    def logits(self, state: State, query: Items) -> Float[Tensor, "n_tasks n_query n_way"]:
        """Score query items with the adapted parameters."""
        return head_logits(state, self._embed_adapted(state, query), state["class_mask"], self.options.feature_scale)

    def loss(self, batch: EpisodeBatch) -> tuple[Float[Tensor, ""], Float[Tensor, "n_tasks n_query n_way"]]:
        """Cross entropy of the query items after the inner steps."""
        learned = [parameter for parameter in self.parameters() if parameter.requires_grad]
        return loss_in_chunks(self._loss, batch, learned, self.options.chunk_size)

    def adapt_stepwise(self, support: Support) -> list[Parameters]:
        """Take the inner steps and return the adapted parameters after each, the task axis first."""
        options, targets, present = self.options, balanced_targets(support), class_mask(support)
        adapt = partial(run_inner_loop, rule=self.rule, n_steps=options.inner_steps, first_order=options.first_order)
        if self.adapts_backbone:
            start, shared = self._start(support)
            tasks = (as_dict(support.items), targets, present)
            return adapt(batch_gradient(self._support_loss, tasks, start, shared, options.chunk_size), start)
        features = self._embed(support.items)
        start, _ = self._start_head(support, features)
        in_span = self.rule.one_rate and features.shape[1] < features.shape[2]
        return adapt_head(features, targets, present, start, adapt, scale=options.feature_scale, in_span=in_span)

    def learned_starts(self) -> dict[str, Tensor]:
        """Where the adapted parameters start, of those whose start is learned."""
        head = {} if self.head is None else {WEIGHT: self.head.weight, BIAS: self.head.bias}
        return {**(self._backbone_start() if self.adapts_backbone else {}), **head}

    def _backbone_start(self) -> dict[str, Tensor]:
        return {f"{BACKBONE}{name}": x for name, x in self.backbone.named_parameters() if x.requires_grad}

    def _loss(self, batch: EpisodeBatch) -> tuple[Float[Tensor, ""], Float[Tensor, "n_tasks n_query n_way"]]:
        after, present = self.adapt_stepwise(batch.support), class_mask(batch.support)
        weights = self.options.step_weights or (*[0.0] * (len(after) - 1), 1.0)
        losses = []
        for parameters, weight in zip(after, weights, strict=True):
            if weight or parameters is after[-1]:
                logits = head_logits(
                    parameters, self._embed_adapted(parameters, batch.query), present, self.options.feature_scale
                )
                losses.append(weight * query_loss(logits, batch))
        return torch.stack(losses).sum(), logits

    def _support_loss(self, parameters: Parameters, task: Any) -> Float[Tensor, ""]:
        items, targets, present = task
        features = self._embed_with(parameters, items)
        return support_loss(head_logits(parameters, features, present, self.options.feature_scale), targets)

    def _start(self, support: Support) -> tuple[Parameters, frozenset[str]]:
        """Parameters before the first step, and the names of those all tasks share."""
        adapted = self._backbone_start()
        if self.options.head == "prototype":
            features = self._embed(support.items)
        else:
            # Two items tell the embedding's length.
            features = self._embed(map_items(support.items, lambda tensor: tensor[:1, :2]))
        head, shared = self._start_head(support, features)
        return {**adapted, **head}, frozenset(adapted) | shared

    def _start_head(
        self, support: Support, features: Float[Tensor, "n_tasks n dim"]
    ) -> tuple[dict[str, Tensor], frozenset[str]]:
        if self.options.head == "prototype":
            return start_from_prototypes(features, support, self.options.feature_scale), frozenset()
        if self.head is None:
            weight = features.new_zeros(support.n_way, features.shape[-1])
            return {WEIGHT: weight, BIAS: weight[:, 0]}, frozenset({WEIGHT, BIAS})
        if support.n_way != self.options.n_way:
            raise EpisodeError(
                f"head 'per_class': expected episodes of n_way={self.options.n_way} classes, got {support.n_way}. "
                "Use head='zero', which takes any number."
            )
        return {WEIGHT: self.head.weight, BIAS: self.head.bias}, frozenset({WEIGHT, BIAS})

    def _embed(self, items: Items) -> Float[Tensor, "n_tasks n dim"]:
        """Embed with the weights all tasks share; a backbone that normalises by the batch sees one task at a time."""
        if any(True for _ in self.backbone.buffers()):
            return embed_items(self.backbone, items)
        return vmap(self.backbone)(as_dict(items))

    def _embed_adapted(self, parameters: Parameters, items: Items) -> Float[Tensor, "n_tasks n dim"]:
        if not self.adapts_backbone:
            return self._embed(items)
        own = {name: tensor for name, tensor in parameters.items() if name.startswith(BACKBONE)}
        return vmap(self._embed_with, chunk_size=self.options.chunk_size)(own, as_dict(items))

    def _embed_with(self, parameters: Parameters, items: Any) -> Float[Tensor, "n dim"]:
        own = {name.removeprefix(BACKBONE): x for name, x in parameters.items() if name.startswith(BACKBONE)}
        return functional_call(self.backbone, own, (items,))


def learned_shapes(backbone: nn.Module, options: InnerOptions) -> dict[str, tuple[int, ...]]:
    """Shapes of the rates of a learner's adapted parameters, by name."""
    dim = getattr(backbone, "dim", None)
    own = backbone.named_parameters() if options.adapt_only == "all" else ()
    shapes = {f"{BACKBONE}{name}": tuple(tensor.shape) for name, tensor in own if tensor.requires_grad}
    return {**shapes, **head_shapes(options.head, options.n_way, dim)}
