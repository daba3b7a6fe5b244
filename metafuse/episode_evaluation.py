"""One loop over episodes: accuracy of an episodic learner, with its interval, one figure per episode."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from metafuse.episodes.base import PADDING
from metafuse.episodes.batch import Items, gather
from metafuse.episodes.sampler import EpisodeSampler
from metafuse.evaluation import mean_interval
from metafuse.learners.episodic import EpisodicLearner, as_module


@dataclass(frozen=True)
class EpisodeAccuracy:
    """Accuracy over episodes.

    Args:
        per_episode: Share of query items that were right in each episode.
    """

    per_episode: Float[np.ndarray, " n_episodes"]

    @property
    def mean(self) -> float:
        """Mean over the episodes, 0..1."""
        return mean_interval(self.per_episode)[0]

    @property
    def half_width(self) -> float:
        """Half the width of the mean's 95 % interval."""
        return mean_interval(self.per_episode)[1]


def evaluate_episodes(
    learner: EpisodicLearner,
    items: tuple[Items, ...],
    sampler: EpisodeSampler,
    n_episodes: int,
    *,
    inductive: bool = True,
) -> EpisodeAccuracy:
    """Adapt to episodes and score their query sets; nothing is trained.

    Args:
        learner: An `nn.Module`; left as it came, its mode and running statistics too.
        items: Rows of each of the sampler's pools.
        sampler: Draws the episodes; the same sampler gives the same ones every time.
        n_episodes: At least this many, in whole batches.
        inductive: Query items are seen one by one as far as normalisation goes: `eval` mode. In a learner whose
            normalisation always takes batch statistics they are seen together whatever this says.
    """
    module = as_module(learner)
    shares: list[np.ndarray] = []
    with torch.no_grad(), _left_as_it_came(module):
        module.train(not inductive)
        step = 0
        while sum(map(len, shares)) < n_episodes:
            episodes = sampler.batch(step)
            batch = gather(items[episodes.source], episodes)
            logits = learner.logits(learner.adapt(batch.support), batch.query)
            shares.append(right_shares(logits, batch.query_class_index).cpu().numpy())
            step += 1
    return EpisodeAccuracy(np.concatenate(shares))


def right_shares(
    logits: Float[Tensor, "n_tasks n_query n_way"], class_index: Int[Tensor, "n_tasks n_query"]
) -> Float[Tensor, " n_tasks"]:
    """Share of the query items of each episode that got their class; padding does not count."""
    there = class_index != PADDING
    right = (logits.argmax(dim=-1) == class_index) & there
    return right.sum(dim=1) / there.sum(dim=1)


@contextmanager
def _left_as_it_came(module: nn.Module) -> Iterator[None]:
    modes = [(part, part.training) for part in module.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in module.buffers()]
    try:
        yield
    finally:
        for part, was_training in modes:
            part.training = was_training
        for buffer, before in buffers:
            buffer.copy_(before)
