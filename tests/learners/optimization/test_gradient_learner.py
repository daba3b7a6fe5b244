import dataclasses

import pytest
import torch
from torch.testing import assert_close

from metafuse.backbones.conv4 import Conv4
from metafuse.backbones.mlp import Mlp
from metafuse.episodes.batch import EpisodeBatch, Support
from metafuse.errors import ConfigError, EpisodeError
from metafuse.learners import EPISODIC

SECOND_ORDER = ["maml", "meta_sgd", "maml_plus_plus", "anil"]


class LossOf(torch.nn.Module):
    def __init__(self, learner):
        super().__init__()
        self.learner = learner

    def forward(self, batch):
        return self.learner.loss(batch)[0]


def build(name, backbone, **options):
    return EPISODIC.build(name, backbone, **{"inner_steps": 2, "inner_lr": 0.3, **options}).double()


def difference_along(learner, batch, direction, h):
    """Central difference of fourth order of the loss along a direction of the parameters."""
    start = dict(learner.named_parameters())
    losses = []
    for times in (-2, -1, 1, 2):
        moved = {name: (x.detach() + times * h * direction[name]).requires_grad_() for name, x in start.items()}
        losses.append(
            torch.func.functional_call(
                LossOf(learner), {f"learner.{name}": tensor for name, tensor in moved.items()}, batch
            )
        )
    return (losses[0] - 8 * losses[1] + 8 * losses[2] - losses[3]) / (12 * h)


@pytest.mark.parametrize("name", SECOND_ORDER)
@pytest.mark.parametrize("backbone", ["conv4", "mlp"])
def test_meta_gradient_equals_finite_differences(name, backbone, backbones, double_batch, gradients_of):
    learner, batch = build(name, backbones[backbone](), head="per_class", n_way=3), double_batch(backbone)
    gradients = gradients_of(learner, batch)
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        direction = {
            key: torch.randn(gradient.shape, generator=generator, dtype=torch.float64)
            for key, gradient in gradients.items()
        }
        exact = sum((gradients[key] * direction[key]).sum() for key in gradients)
        # A tiny step: max-pooling and ReLU have corners.
        assert difference_along(learner, batch, direction, 3e-8).item() == pytest.approx(exact.item(), rel=1e-6)


@pytest.mark.parametrize("name", ["maml", "fomaml", "meta_sgd", "maml_plus_plus", "learned_update", "reptile"])
@pytest.mark.parametrize("head", ["zero", "prototype"])
def test_chunks_change_neither_loss_nor_gradients(name, head, backbones, double_batch, gradients_of):
    batch = double_batch("mlp", n_tasks=5)
    batch = dataclasses.replace(batch, query_class_index=batch.query_class_index.clone())
    batch.query_class_index[0, 4:] = -1
    whole, chunked = (build(name, backbones["mlp"](), head=head, chunk_size=size) for size in (None, 2))
    assert_close(chunked.loss(batch), whole.loss(batch))
    assert_close(gradients_of(chunked, batch), gradients_of(whole, batch))
    assert_close(chunked.adapt(batch.support), whole.adapt(batch.support))


def test_head_alone_adapts_as_by_autograd(backbones, double_batch):
    batch = double_batch("features", k_shot=4)
    learner = build("anil", backbones["features"](), head="zero", feature_scale=2.0, inner_steps=3)
    weight = torch.zeros(3, 6, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    items, target = batch.support.items[0], batch.support.class_index[0]
    for _ in range(3):
        loss = torch.nn.functional.cross_entropy(2 * items @ weight.T + bias, target)
        by_weight, by_bias = torch.autograd.grad(loss, (weight, bias))
        weight, bias = weight - 0.3 * by_weight, bias - 0.3 * by_bias
    state = learner.adapt(batch.support)
    assert_close((state["head.weight"][0], state["head.bias"][0]), (weight, bias))


@pytest.mark.parametrize("head", ["zero", "prototype"])
def test_fewer_items_than_features_adapt_alike(head, backbones, double_batch):
    few = double_batch("features", k_shot=1)  # 3 items of 6 dimensions: described by the items
    support = few.support
    # The same items three times over: 9 items, described by the weights.
    many = Support(
        support.items.repeat(1, 3, 1), support.class_index.repeat(1, 3), support.weight.repeat(1, 3), support.n_way
    )
    learner = build("anil", backbones["features"](), head=head, feature_scale=1.5)
    assert_close(learner.adapt(support), learner.adapt(many))


def test_head_alone_equals_all_of_a_backbone_without_parameters(backbones, double_batch):
    batch = double_batch("features")
    maml, anil = (build(name, backbones["features"]()) for name in ("maml", "anil"))
    assert_close(maml.loss(batch), anil.loss(batch))


def test_prototype_head_without_a_step_to_speak_of_is_the_nearest_prototype(backbones, double_batch):
    batch = double_batch("features")
    learner = build("maml", backbones["features"](), head="prototype", inner_lr=1e-12)
    prototypes = torch.stack([batch.support.items[:, batch.support.class_index[0] == c].mean(1) for c in range(3)], 1)
    nearest = torch.cdist(batch.query, prototypes).argmin(-1)
    assert torch.equal(learner.logits(learner.adapt(batch.support), batch.query).argmax(-1), nearest)


@pytest.mark.parametrize("head", ["zero", "prototype"])
@pytest.mark.parametrize("name", ["maml", "anil", "meta_sgd", "maml_plus_plus", "learned_update", "reptile"])
def test_five_steps_separate_clusters_of_normalised_features(name, head):
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(4, 1, 10, 384, generator=generator)
    support, query = (
        torch.nn.functional.normalize(centres + torch.randn(4, n, 10, 384, generator=generator), dim=-1).flatten(1, 2)
        for n in (1, 15)
    )
    classes = torch.arange(10).repeat(4, 1)
    batch = EpisodeBatch(Support(support, classes, torch.ones(4, 10), 10), query, classes.repeat(1, 15))
    _, logits = EPISODIC.build(name, torch.nn.Identity(), head=head).loss(batch)
    assert (logits.argmax(-1) == batch.query_class_index).float().mean() > 0.95


def test_frozen_parameters_do_not_adapt(backbones, double_batch):
    backbone = backbones["mlp"]()
    backbone.layers[0].weight.requires_grad_(False)
    state = build("maml", backbone).adapt(double_batch("mlp").support)
    assert "backbone.layers.0.weight" not in state
    assert "backbone.layers.0.bias" in state


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"head": "cosine"}, "head 'cosine' is not known. Use one of zero, prototype, per_class"),
        ({"adapt_only": "body"}, "adapt_only 'body' is not known. Use one of all, head"),
        ({"inner_steps": 0}, "inner_steps: expected at least 1, got 0"),
        ({"chunk_size": 0}, "chunk_size: expected at least 1, got 0"),
        ({"feature_scale": 0.0}, "feature_scale: expected a number over 0, got 0.0"),
        ({"inner_lr": 0.0}, "inner_lr: expected a number over 0, got 0.0"),
        ({"head": "per_class"}, "head 'per_class' with n_way=None: expected n_way"),
        ({"n_way": 5}, "head 'prototype' with n_way=5: expected n_way with 'per_class'"),
    ],
)
def test_wrong_option_is_named(options, message):
    with pytest.raises(ConfigError, match=message):
        EPISODIC.build("maml", torch.nn.Identity(), **options)


def test_head_per_class_needs_a_fixed_dim():
    with pytest.raises(ConfigError, match=r"expected a backbone with a fixed dim\. Use head='zero'"):
        EPISODIC.build("maml", torch.nn.Identity(), head="per_class", n_way=3)


def test_head_per_class_refuses_another_number_of_classes(backbones, double_batch):
    learner = build("maml", backbones["mlp"](), head="per_class", n_way=4)
    with pytest.raises(EpisodeError, match=r"expected episodes of n_way=4 classes, got 3\. Use head='zero'"):
        learner.adapt(double_batch("mlp").support)


@pytest.mark.parametrize(
    "layer", [torch.nn.LayerNorm(6), torch.nn.BatchNorm1d(6), torch.nn.InstanceNorm1d(6, affine=True)]
)
def test_normalisation_with_wrong_second_derivatives_is_refused(layer):
    with pytest.raises(ConfigError, match=rf"got '0' \({type(layer).__name__}\), where they are not"):
        EPISODIC.build("maml", torch.nn.Sequential(layer))


def test_running_statistics_are_refused_where_the_backbone_adapts():
    with pytest.raises(ConfigError, match="Build the backbone with statistics='batch'"):
        EPISODIC.build("maml", Conv4())
    assert not EPISODIC.build("anil", Conv4()).adapts_backbone


def test_features_of_a_task_do_not_depend_on_other_tasks_where_the_batch_normalises(backbones, double_batch):
    learner, batch = build("anil", backbones["conv4"]()), double_batch("conv4")
    support = batch.support
    alone = Support(support.items[:1], support.class_index[:1], support.weight[:1], 3)
    assert_close(learner.adapt(alone)["head.weight"], learner.adapt(support)["head.weight"][:1])


def test_mlp_of_running_statistics_trains_its_head_only():
    learner = EPISODIC.build("anil", Mlp(in_features=6, statistics="running"))
    batch = EpisodeBatch(
        Support(torch.randn(2, 6, 6, generator=torch.Generator().manual_seed(0)), torch.arange(6).repeat(2, 1) % 3,
                torch.ones(2, 6), 3),
        torch.randn(2, 6, 6, generator=torch.Generator().manual_seed(1)), torch.arange(6).repeat(2, 1) % 3,
    )  # fmt: skip
    learner.loss(batch)[0].backward()
    assert learner.backbone.layers[0].weight.grad.abs().sum() > 0
