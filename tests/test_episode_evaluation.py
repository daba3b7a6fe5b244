from contextlib import nullcontext

import numpy as np
import pytest
import torch
from torch import nn

from metafuse.episode_evaluation import evaluate_episodes, right_shares
from metafuse.episodes.base import Episodes
from metafuse.episodes.sampler import EpisodeSampler

X = torch.tensor([[0.0], [10.0], [1.0], [9.0], [6.0], [2.0]])
"""Two classes around 0 and 10; row 4, of class 0, lies nearer to 10."""


class NearestLearner(nn.Module):
    """Nearest single support item, after a normalisation with running statistics."""

    adapts_backbone = False

    def __init__(self):
        super().__init__()
        self.backbone = nn.BatchNorm1d(1)
        self.frozen = nn.Dropout().eval()

    def adapt(self, support):
        return {"items": self._embed(support.items)}

    def logits(self, state, query):
        return -torch.cdist(self._embed(query), state["items"])

    def loss(self, batch):
        raise AssertionError("nothing is trained")

    def _embed(self, items):
        return self.backbone(items.flatten(0, 1)).unflatten(0, items.shape[:2])


class FailingLearner(NearestLearner):
    def logits(self, state, query):
        raise RuntimeError("no logits")


class FixedSampler(EpisodeSampler):
    """Two episodes a batch, the same in every batch; the second has two query items and two places of padding."""

    def __init__(self):
        self.steps = []

    def batch(self, step):
        self.steps.append(step)
        return Episodes(
            source=0,
            classes=np.array([[0, 1], [0, 1]]),
            support=np.array([[0, 1], [0, 1]]),
            support_class_index=np.array([[0, 1], [0, 1]]),
            query=np.array([[2, 3, 4, 5], [3, 4, -1, -1]]),
            query_class_index=np.array([[0, 1, 0, 0], [1, 0, -1, -1]]),
        )


@pytest.fixture
def learner():
    return NearestLearner().train()


def test_accuracy_is_the_share_of_query_items_that_are_right(learner):
    # Rows 2, 3 and 5 are right, row 4 is wrong: 3 of 4, and 1 of 2 without the padding.
    found = evaluate_episodes(learner, (X,), FixedSampler(), 2)
    np.testing.assert_array_equal(found.per_episode, [0.75, 0.5])
    assert found.mean == pytest.approx(0.625)


def test_whole_batches_are_drawn_until_there_are_enough_episodes(learner):
    sampler = FixedSampler()
    assert len(evaluate_episodes(learner, (X,), sampler, 5).per_episode) == 6
    assert sampler.steps == [0, 1, 2]


@pytest.mark.parametrize("inductive", [True, False])
def test_the_same_sampler_gives_the_same_numbers(learner, inductive):
    first, again = (evaluate_episodes(learner, (X,), FixedSampler(), 4, inductive=inductive) for _ in range(2))
    np.testing.assert_array_equal(first.per_episode, again.per_episode)


@pytest.mark.parametrize("inductive", [True, False])
@pytest.mark.parametrize("kind", [NearestLearner, FailingLearner])
def test_the_learner_stays_as_it_is(kind, inductive):
    learner = kind()
    before = {name: tensor.clone() for name, tensor in learner.state_dict().items()}
    expectation = pytest.raises(RuntimeError, match="no logits") if kind is FailingLearner else nullcontext()
    with expectation:
        evaluate_episodes(learner, (X,), FixedSampler(), 4, inductive=inductive)
    assert all(torch.equal(before[name], tensor) for name, tensor in learner.state_dict().items())
    assert learner.training and learner.backbone.training
    assert not learner.frozen.training


def test_padding_is_neither_right_nor_wrong():
    logits = torch.tensor([[[2.0, 1.0], [2.0, 1.0], [2.0, 1.0]]])
    assert right_shares(logits, torch.tensor([[0, 1, -1]])).tolist() == [0.5]
