"""Batches of episodes in chunks of tasks, so that memory does not grow with the batch."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from metafuse.episodes.base import PADDING
from metafuse.episodes.batch import EpisodeBatch, Items, Support, map_items

LossAndLogits = tuple[Tensor, Tensor]


def loss_in_chunks(
    loss: Callable[[EpisodeBatch], LossAndLogits],
    batch: EpisodeBatch,
    learned: Sequence[Tensor],
    chunk_size: int | None,
) -> LossAndLogits:
    """Take a loss over a batch of episodes, chunk by chunk.

    The gradient of a chunk is taken as soon as its loss is known, so that no more than one chunk's inner steps are in
    memory; what is returned has that gradient, once, and no second one.

    Args:
        loss: Mean over query items of a batch, and their logits.
        batch: Episodes.
        learned: What the loss is differentiated by.
        chunk_size: Tasks in a chunk; all when None.
    Returns:
        The mean over all query items, and their logits.
    """
    if chunk_size is None or len(batch.query_class_index) <= chunk_size or not learned or not torch.is_grad_enabled():
        return loss(batch)
    n_items = (batch.query_class_index != PADDING).sum()
    total, logits = torch.zeros((), device=n_items.device), list[Tensor]()
    gradients = [torch.zeros_like(parameter) for parameter in learned]
    for chunk in _split(batch, chunk_size):
        mean, chunk_logits = loss(chunk)
        share = mean * (chunk.query_class_index != PADDING).sum() / n_items
        parts = torch.autograd.grad(share, learned, allow_unused=True, materialize_grads=True)
        gradients = [gradient + part for gradient, part in zip(gradients, parts, strict=True)]
        total, logits = total + share.detach(), [*logits, chunk_logits.detach()]
    with_gradient: Tensor = _WithGradient.apply(total, gradients, *learned)  # type: ignore[no-untyped-call]
    return with_gradient, torch.cat(logits)


def as_dict(items: Items) -> Tensor | dict[str, Tensor]:
    """Return items as what `torch.func` can map over: a tensor or a plain dict."""
    return dict(items) if isinstance(items, Mapping) else items


def _split(batch: EpisodeBatch, size: int) -> Iterator[EpisodeBatch]:
    support = batch.support
    for first in range(0, len(batch.query_class_index), size):
        part = slice(first, first + size)
        yield EpisodeBatch(
            Support(
                _take(support.items, part),
                support.class_index[part],
                support.weight[part],
                support.n_way,
            ),
            _take(batch.query, part),
            batch.query_class_index[part],
        )


def _take(items: Items, part: slice) -> Items:
    return map_items(items, lambda tensor: tensor[part])


class _WithGradient(torch.autograd.Function):
    """A number whose gradients are known."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, gradients: Sequence[Tensor], *learned: Tensor) -> Tensor:
        ctx.save_for_backward(*gradients)
        return value.clone()

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Any, ...]:
        return None, None, *(upstream * gradient for gradient in ctx.saved_tensors)
