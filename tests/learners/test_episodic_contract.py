"""What every meta-trained learner in the registry keeps to."""

import dataclasses
import re
import sys

import pytest
import torch
from torch.testing import assert_close

from metafuse.backbones.columns import ColumnsBackbone
from metafuse.episodes.batch import EpisodeBatch, Support
from metafuse.errors import MissingExtraError
from metafuse.learners import EPISODIC
from metafuse.learners.episodic import ABSENT_LOGIT, EpisodicLearner

pytestmark = pytest.mark.parametrize("name", EPISODIC.names())
on_backbones = pytest.mark.parametrize("backbone", ["identity", "mlp"])
CLOSE = {"rtol": 1e-3, "atol": 1e-3}
"""Of float32 logits computed in another order."""


@pytest.fixture
def learner_of(backbone_for):
    def build(name, backbone="identity", seed=0):
        try:
            return EPISODIC.build(name, backbone_for(backbone, seed) if isinstance(backbone, str) else backbone)
        except MissingExtraError as err:
            pytest.skip(str(err))

    return build


def logits_of(learner, batch):
    with torch.no_grad():
        return learner.logits(learner.adapt(batch.support), batch.query)


def accuracy(logits, batch):
    return (logits.argmax(-1) == batch.query_class_index).float().mean().item()


def change_support(batch, **changes):
    return dataclasses.replace(batch, support=dataclasses.replace(batch.support, **changes))


def add_items(batch, items, class_index, weight):
    """Append the same item to each support set."""
    support = batch.support
    n_tasks = len(support.class_index)
    return change_support(
        batch,
        items=torch.cat([support.items, items.expand(n_tasks, 1, -1)], 1),
        class_index=torch.cat([support.class_index, torch.full((n_tasks, 1), class_index)], 1),
        weight=torch.cat([support.weight, torch.full((n_tasks, 1), weight)], 1),
    )


def pad(tensor, length, value):
    return torch.nn.functional.pad(tensor, (0, length - tensor.shape[1]), value=value)


def pad_items(items, length):
    return torch.cat([items, items[:, :1].expand(-1, length - items.shape[1], -1)], 1)


def take_task(batch, task):
    support, rows = batch.support, slice(task, task + 1)
    return EpisodeBatch(
        Support(support.items[rows], support.class_index[rows], support.weight[rows], support.n_way),
        batch.query[rows],
        batch.query_class_index[rows],
    )


def join_padded(wide, narrow):
    """Put an episode with fewer classes, rows and queries beside a wider one; padding repeats the first item."""
    n_support, n_query = wide.support.items.shape[1], wide.query.shape[1]
    support = Support(
        torch.cat([wide.support.items, pad_items(narrow.support.items, n_support)]),
        torch.cat([wide.support.class_index, pad(narrow.support.class_index, n_support, -1)]),
        torch.cat([wide.support.weight, pad(narrow.support.weight, n_support, 0.0)]),
        wide.support.n_way,
    )
    query_class = torch.cat([wide.query_class_index, pad(narrow.query_class_index, n_query, -1)])
    return EpisodeBatch(support, torch.cat([wide.query, pad_items(narrow.query, n_query)]), query_class)


def train(learner, batch, n_steps):
    optimiser = torch.optim.Adam([each for each in learner.parameters() if each.requires_grad], lr=0.01)
    losses = []
    for _ in range(n_steps):
        optimiser.zero_grad()
        loss, _ = learner.loss(batch)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


@on_backbones
def test_learner_keeps_the_interface(name, backbone, learner_of):
    learner = learner_of(name, backbone)
    assert isinstance(learner, EpisodicLearner)
    assert isinstance(learner, torch.nn.Module)
    assert isinstance(learner.adapts_backbone, bool)


def test_docstring_of_its_file_names_a_paper(name):
    content = sys.modules[EPISODIC.get(name).__module__].__doc__
    assert re.search(r"^Reference:.*(19|20)\d\d", content, re.MULTILINE)


@on_backbones
def test_outputs_have_a_row_per_query_and_a_column_per_class(name, backbone, learner_of, episode_batch):
    learner, batch = learner_of(name, backbone), episode_batch([3, 3, 3], n_query=5)
    state = learner.adapt(batch.support)
    loss, logits = learner.loss(batch)
    assert {len(tensor) for tensor in state.values()} == {2}
    assert state["class_mask"].tolist() == [[True] * 3] * 2
    assert logits.shape == learner.logits(state, batch.query).shape == (2, 15, 3)
    assert loss.shape == ()
    assert logits.isfinite().all()
    assert loss.isfinite()


@on_backbones
def test_loss_returns_the_logits_of_adapt(name, backbone, learner_of, episode_batch):
    learner, batch = learner_of(name, backbone), episode_batch([3, 3, 3])
    assert_close(learner.loss(batch)[1].detach(), logits_of(learner, batch), **CLOSE)


@on_backbones
def test_same_seed_gives_same_result(name, backbone, learner_of, episode_batch):
    batch = episode_batch([3, 3, 3])
    first, second = learner_of(name, backbone), learner_of(name, backbone)
    assert torch.equal(logits_of(first, batch), logits_of(second, batch))
    assert torch.equal(first.loss(batch)[0], second.loss(batch)[0])


def test_nothing_is_drawn_from_the_global_generator(name, learner_of, episode_batch):
    before = torch.get_rng_state()
    learner, batch = learner_of(name, "mlp"), episode_batch([2, 2])
    logits_of(learner, batch)
    learner.loss(batch)
    assert torch.equal(torch.get_rng_state(), before)


@on_backbones
def test_relabelling_classes_permutes_logits(name, backbone, learner_of, episode_batch):
    learner, batch = learner_of(name, backbone), episode_batch([3, 2, 4], spread=1.0)
    order = torch.tensor([2, 0, 1])
    relabelled = change_support(batch, class_index=order[batch.support.class_index])
    assert_close(logits_of(learner, relabelled)[..., order], logits_of(learner, batch), **CLOSE)


@on_backbones
def test_second_adapt_equals_the_first(name, backbone, learner_of, episode_batch):
    learner, batch = learner_of(name, backbone), episode_batch([3, 3])
    first, second = learner.adapt(batch.support), learner.adapt(batch.support)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)


@on_backbones
def test_adapt_and_logits_leave_the_learner_unchanged(name, backbone, learner_of, episode_batch):
    learner, batch = learner_of(name, backbone), episode_batch([3, 3])
    before = {key: tensor.clone() for key, tensor in learner.state_dict().items()}
    logits_of(learner, batch)
    after = learner.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert all(parameter.grad is None for parameter in learner.parameters())


@on_backbones
def test_gradients_switched_off_change_nothing(name, backbone, learner_of, episode_batch):
    learner, batch = learner_of(name, backbone), episode_batch([3, 3])
    with_gradients = learner.logits(learner.adapt(batch.support), batch.query)
    assert_close(logits_of(learner, batch), with_gradients.detach(), **CLOSE)


@on_backbones
def test_padding_changes_nothing(name, backbone, learner_of, episode_batch):
    learner = learner_of(name, backbone)
    wide, narrow = episode_batch([3, 3, 3], n_tasks=1), episode_batch([1, 2], n_query=3, n_tasks=1, seed=1)
    batch = join_padded(wide, narrow)
    logits = logits_of(learner, batch)
    assert_close(logits[:1], logits_of(learner, wide), **CLOSE)
    assert_close(logits[1:, :6, :2], logits_of(learner, narrow), **CLOSE)
    assert (logits[1, :, 2] == ABSENT_LOGIT).all()
    assert learner.adapt(batch.support)["class_mask"].tolist() == [[True] * 3, [True, True, False]]


def test_loss_of_padded_episodes_has_finite_gradients(name, learner_of, episode_batch):
    learner = learner_of(name, "linear")
    wide, narrow = episode_batch([3, 3, 3], n_tasks=1), episode_batch([1, 2], n_query=3, n_tasks=1, seed=1)
    learner.loss(join_padded(wide, narrow))[0].backward()
    assert all(each.grad.isfinite().all() for each in learner.parameters() if each.grad is not None)


@on_backbones
def test_item_of_no_weight_changes_nothing(name, backbone, learner_of, episode_batch):
    learner, batch = learner_of(name, backbone), episode_batch([3, 3, 3])
    more = add_items(batch, torch.full((8,), 4.0), class_index=1, weight=0.0)
    assert_close(logits_of(learner, more), logits_of(learner, batch), **CLOSE)


@on_backbones
def test_item_of_less_weight_changes_less(name, backbone, learner_of, episode_batch):
    learner, batch = learner_of(name, backbone), episode_batch([3, 3, 3])
    item, plain = torch.full((8,), 1.0), logits_of(learner, batch)
    little, much = (logits_of(learner, add_items(batch, item, 1, weight)) - plain for weight in (0.05, 1.0))
    assert 0 < little.abs().sum() < 0.5 * much.abs().sum()


@on_backbones
def test_order_of_support_items_does_not_matter(name, backbone, learner_of, episode_batch):
    learner, batch = learner_of(name, backbone), episode_batch([3, 3, 3])
    order, support = torch.tensor([8, 3, 0, 5, 1, 7, 2, 6, 4]), batch.support
    mixed = change_support(
        batch, items=support.items[:, order], class_index=support.class_index[:, order], weight=support.weight[:, order]
    )
    assert_close(logits_of(learner, mixed), logits_of(learner, batch), **CLOSE)


@on_backbones
def test_batch_of_tasks_equals_tasks_one_by_one(name, backbone, learner_of, episode_batch):
    learner, batch = learner_of(name, backbone), episode_batch([2, 3, 3], n_tasks=3)
    alone = torch.cat([logits_of(learner, take_task(batch, task)) for task in range(3)])
    assert_close(logits_of(learner, batch), alone, **CLOSE)


@on_backbones
def test_query_item_is_scored_independently_of_the_others(name, backbone, learner_of, episode_batch):
    learner, batch = learner_of(name, backbone), episode_batch([3, 3, 3])
    state = learner.adapt(batch.support)
    with torch.no_grad():
        assert_close(learner.logits(state, batch.query[:, :2]), learner.logits(state, batch.query)[:, :2], **CLOSE)


def test_accuracy_on_noise_is_chance(name, learner_of, episode_batch):
    # With 1,600 queries of 40 tasks four standard errors are about 0.06.
    batch = episode_batch([2, 2, 2, 2], n_query=10, n_tasks=40, apart=0.0, spread=1.0)
    assert accuracy(logits_of(learner_of(name), batch), batch) == pytest.approx(0.25, abs=0.06)


@on_backbones
@pytest.mark.parametrize("shots", [[1] * 5, [5] * 5, [1, 1], [1, 5, 3]], ids=str)
def test_untrained_learner_tells_separated_clusters_apart(name, backbone, shots, learner_of, episode_batch):
    batch = episode_batch(shots, n_tasks=10)
    assert accuracy(logits_of(learner_of(name, backbone), batch), batch) > 0.95


def test_training_step_has_finite_gradients(name, learner_of, episode_batch):
    learner = learner_of(name, "linear")
    learner.loss(episode_batch([3, 3, 3], spread=1.0))[0].backward()
    gradients = [each.grad for each in learner.parameters() if each.grad is not None]
    assert all(gradient.isfinite().all() for gradient in gradients)
    assert any(gradient.any() for gradient in gradients)


def test_training_lowers_the_loss(name, learner_of, episode_batch):
    losses = train(learner_of(name, "linear"), episode_batch([3, 3, 3], n_tasks=4, spread=1.0), n_steps=20)
    assert losses[-1] < losses[0]


def test_state_dict_round_trip_gives_the_same_logits(name, learner_of, episode_batch):
    learner, other, batch = learner_of(name, "mlp"), learner_of(name, "mlp", seed=1), episode_batch([3, 3])
    train(learner, episode_batch([3, 3], spread=1.0), n_steps=2)
    other.load_state_dict(learner.state_dict())
    assert torch.equal(logits_of(other, batch), logits_of(learner, batch))


@on_backbones
def test_double_precision_is_kept(name, backbone, learner_of, episode_batch):
    batch = episode_batch([3, 2, 3])
    support = batch.support
    double = dataclasses.replace(
        change_support(batch, items=support.items.double(), weight=support.weight.double()), query=batch.query.double()
    )
    logits = logits_of(learner_of(name, backbone).double(), double)
    assert logits.dtype == torch.float64
    assert_close(logits.float(), logits_of(learner_of(name, backbone), batch), **CLOSE)


def test_items_may_be_columns(name, learner_of, episode_batch):
    batch = episode_batch([3, 3, 3], dim=8)
    halves = [
        {"text/note": items[..., :5], "categorical/shop": items[..., 5:]}
        for items in (batch.support.items, batch.query)
    ]
    columns = dataclasses.replace(change_support(batch, items=halves[0]), query=halves[1])
    learner = learner_of(name, ColumnsBackbone(dims={"text": 5}))
    logits = logits_of(learner, columns)
    assert logits.isfinite().all()
    # The residual map of the columns starts at zero.
    if not learner.adapts_backbone:
        assert_close(logits, logits_of(learner_of(name), batch), **CLOSE)
