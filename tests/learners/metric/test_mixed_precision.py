"""The heads of metric learners compute in full precision, whatever the backbone does."""

import pytest
import torch
from torch.testing import assert_close

from metafuse.learners import EPISODIC

NAMES = [
    *("contrastive", "matching", "prototypical", "relation"),
    *("ridge", "simple_cnaps", "supervised_contrastive", "triplet", "whitened"),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_head_leaves_mixed_precision(name, dtype, backbone_for, episode_batch):
    learner, batch = EPISODIC.build(name, backbone_for("identity")), episode_batch([1, 3, 2], spread=1.0)
    loss, logits = learner.loss(batch)
    with torch.autocast("cpu", dtype=getattr(torch, dtype)):
        mixed_loss, mixed_logits = learner.loss(batch)
    assert_close((mixed_loss, mixed_logits), (loss, logits))


@pytest.mark.parametrize("name", NAMES)
def test_backbone_in_mixed_precision_gets_finite_gradients(name, backbone_for, episode_batch):
    learner = EPISODIC.build(name, backbone_for("mlp"))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, logits = learner.loss(episode_batch([3, 3, 3], spread=1.0))
    loss.backward()
    assert loss.dtype == logits.dtype == torch.float32
    assert all(each.grad.isfinite().all() for each in learner.parameters() if each.grad is not None)
