import pytest
import torch
from torch import nn
from torch.testing import assert_close

from metafuse.episodes.batch import Support
from metafuse.errors import ConfigError
from metafuse.learners import EPISODIC
from metafuse.learners.generative.hallucination import (
    SupportHallucinator,
    embedding_dim,
    means_of_queries,
    unit_lengths,
)

NAMES = ["cvae", "cgan"]
DEFAULTS = {"n_generated": 3, "generated_weight": 0.25, "n_noise": 2, "hidden": 4, "seed": 0}


@pytest.fixture
def hallucinator():
    return SupportHallucinator(2, "prototypical", None, **DEFAULTS)


def test_generated_features_start_at_the_class_mean(hallucinator):
    items, means = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]), torch.tensor([[[1.0, 2.0], [3.0, 4.0], [0.0, 0.0]]])
    extended = hallucinator.extend(items, Support(items, torch.tensor([[0, 1]]), torch.ones(1, 2), 3), means)
    assert_close(extended.items[0, 2:8], torch.tensor([[1.0, 2.0]] * 3 + [[3.0, 4.0]] * 3))
    assert extended.class_index[0].tolist() == [0, 1, 0, 0, 0, 1, 1, 1, -1, -1, -1]
    assert extended.weight[0].tolist() == [1.0, 1.0] + [0.25] * 6 + [0.0] * 3


def test_stored_noise_is_the_same_for_all_tasks(gaussian_batch, identity, train):
    learner = EPISODIC.build("cvae", identity)
    train(learner, 3, 0.01)
    support = gaussian_batch(0, n_tasks=1).support
    twice = Support(support.items.repeat(2, 1, 1), support.class_index.repeat(2, 1), support.weight.repeat(2, 1), 4)
    state = learner.adapt(twice)
    assert_close(state["prototypes"][0], state["prototypes"][1])


@pytest.mark.parametrize("name", NAMES)
def test_no_generated_features_leave_the_wrapped_learner(name, gaussian_batch, identity):
    learner = EPISODIC.build(name, identity, n_generated=0)
    batch = gaussian_batch(0)
    found, expected = learner.loss(batch), EPISODIC.build("prototypical", identity).loss(batch)
    assert torch.equal(found[1], expected[1])
    assert torch.equal(found[0], expected[0])


@pytest.mark.parametrize("name", NAMES)
def test_embeddings_of_another_length_leave_the_wrapped_learner(name, gaussian_batch, identity):
    batch = gaussian_batch(0)
    learner = EPISODIC.build(name, nn.Identity(), dim=7)
    assert torch.equal(learner.loss(batch)[0], EPISODIC.build("prototypical", identity).loss(batch)[0])


@pytest.mark.parametrize("name", NAMES)
def test_any_learner_can_be_wrapped(name, gaussian_batch, identity):
    batch = gaussian_batch(0)
    learner = EPISODIC.build(name, identity, learner="ridge", learner_options={})
    loss, logits = learner.loss(batch)
    assert loss.isfinite()
    assert logits.shape == (8, 40, 4)


@pytest.mark.parametrize("name", NAMES)
def test_backbone_learns_from_the_query_loss_alone(name, gaussian_batch):
    batch, backbone = gaussian_batch(0), nn.Linear(6, 6)
    backbone.dim = 6
    learner = EPISODIC.build(name, backbone)
    loss, logits = learner.loss(batch)
    plain = nn.functional.cross_entropy(logits.flatten(0, 1), batch.query_class_index.flatten())
    (whole,), (query) = (torch.autograd.grad(each, backbone.weight, retain_graph=True) for each in (loss, plain))
    assert_close(whole, query[0])


def test_units_leave_absent_classes_out():
    means = torch.tensor([[[3.0, 4.0], [0.0, 5.0], [0.0, 0.0]]])
    assert unit_lengths(means).item() == pytest.approx((25 / 2) ** 0.5)


def test_means_of_queries_follow_their_class():
    means = torch.tensor([[[1.0, 1.0], [2.0, 2.0]]])
    assert means_of_queries(means, torch.tensor([[1, 0, -1]]))[0, :, 0].tolist() == [2.0, 1.0, 1.0]


def test_dim_comes_from_option_then_backbone_then_text(identity):
    assert embedding_dim(identity, 9) == 9
    assert embedding_dim(identity, None) == 6
    assert embedding_dim(nn.Identity(), None) == 384
    with pytest.raises(ConfigError, match="dim: expected the length of the embeddings"):
        embedding_dim(identity, 0)


@pytest.mark.parametrize(
    "options",
    [{"n_generated": -1}, {"n_noise": 0}, {"hidden": 0}, {"generated_weight": 0.0}, {"generated_weight": 2.0}],
)
@pytest.mark.parametrize("name", NAMES)
def test_option_out_of_range_is_refused(name, options, identity):
    with pytest.raises(ConfigError, match="n_generated of 0 or more"):
        EPISODIC.build(name, identity, **options)


def test_learner_that_adapts_its_backbone_is_refused(monkeypatch):
    learner = EPISODIC.get("prototypical")
    monkeypatch.setattr(learner, "adapts_backbone", True)
    with pytest.raises(ConfigError, match="features are generated after the backbone"):
        SupportHallucinator(2, "prototypical", None, **DEFAULTS)


def test_unknown_learner_is_refused():
    with pytest.raises(ConfigError, match="unknown episodic learner 'prototypicl'"):
        SupportHallucinator(2, "prototypicl", None, **DEFAULTS)
