"""Against learn2learn where it is installed, on the same tasks from the same weights."""

import dataclasses
import importlib.util
import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from metafuse.errors import MissingExtraError
from metafuse.learners import EPISODIC
from metafuse.learners.optimization import learn2learn as adapter
from metafuse.learners.optimization.gradient_learner import learned_shapes

needs_learn2learn = pytest.mark.skipif(
    importlib.util.find_spec("learn2learn") is None, reason=f"learn2learn is not installed: {adapter.INSTALL}"
)
OPTIONS = {"inner_steps": 3, "inner_lr": 0.3}


@needs_learn2learn
@pytest.mark.parametrize("backbone", ["conv4", "mlp"])
@pytest.mark.parametrize("first_order", [False, True])
@pytest.mark.parametrize("name", ["maml", "meta_sgd", "anil"])
def test_loss_and_meta_gradients_equal_learn2learns(name, first_order, backbone, backbones, double_batch, gradients_of):
    learners = [
        EPISODIC.build(prefix + name, backbones[backbone](), first_order=first_order, **OPTIONS, **extra).double()
        for prefix, extra in (("", {"head": "zero"}), ("l2l-", {}))
    ]
    batch = double_batch(backbone)
    assert_close(learners[0].loss(batch), learners[1].loss(batch), rtol=1e-9, atol=1e-9)
    ours, theirs = (gradients_of(learner, batch) for learner in learners)
    assert len(ours) == len(theirs)
    adapted = learned_shapes(learners[0].backbone, learners[0].options)
    for place, adapted_name in enumerate(adapted if name == "meta_sgd" else ()):
        theirs[f"rule.rates.{adapted_name.replace('.', '/')}"] = theirs.pop(f"rates.{place}")
    for key, own in ours.items():
        other = theirs[key]
        assert (own - other).norm() <= 1e-9 * other.norm().clamp(min=1e-6)


@needs_learn2learn
def test_original_maml_on_normalised_images_equals_torchs_own_normalisation(backbones, double_batch, gradients_of):
    learner = EPISODIC.build("maml", backbones["conv4"](), head="per_class", n_way=3, **OPTIONS).double()
    batch = double_batch("conv4")
    ours = gradients_of(learner, batch)
    for block in learner.backbone.blocks:
        block.normalise = nn.BatchNorm2d(4, track_running_stats=False).double()
    model = nn.Sequential(learner.backbone, learner.head)
    algorithm = adapter.import_learn2learn().algorithms.MAML(model, lr=0.3)
    model.zero_grad()
    for (items, classes), (query, query_classes) in adapter.episode_tasks(batch):
        clone = algorithm.clone()
        for _ in range(3):
            clone.adapt(nn.functional.cross_entropy(clone(items), classes))
        (nn.functional.cross_entropy(clone(query), query_classes) / 2).backward()
    for own, parameter in zip(ours.values(), model.parameters(), strict=True):
        assert (own - parameter.grad).norm() <= 1e-5 * parameter.grad.norm()


@needs_learn2learn
def test_stand_ins_are_gone_after_the_import():
    code = (
        "import sys, importlib.util\n"
        "before = {name: importlib.util.find_spec(name) for name in ('gym', 'torchvision')}\n"
        "from metafuse.learners.optimization.learn2learn import import_learn2learn\n"
        "import_learn2learn()\n"
        "assert all((name in sys.modules) <= (spec is not None) for name, spec in before.items())\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_absence_is_said_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "learn2learn", None)
    with pytest.raises(
        MissingExtraError,
        match=r"not installed: pip install .metafuse.learn2learn.. && pip install --no-deps .* learn2learn==0.2.0$",
    ):
        EPISODIC.build("l2l-maml", nn.Identity())


def test_episodes_become_tasks_without_their_padding(double_batch):
    batch = double_batch("features")
    support = batch.support
    class_index = support.class_index.clone()
    class_index[1, 4:] = -1
    batch = dataclasses.replace(batch, support=dataclasses.replace(support, class_index=class_index))
    tasks = list(adapter.episode_tasks(batch))
    assert len(tasks) == 2
    (items, classes), (query, query_classes) = tasks[1]
    assert torch.equal(items, support.items[1, :4])
    assert classes.tolist() == [0, 1, 2, 0]
    assert torch.equal(query, batch.query[1])
    assert torch.equal(query_classes, batch.query_class_index[1])
