import pytest
import torch
from torch import nn
from torch.testing import assert_close

from metafuse.episodes.batch import EpisodeBatch, Support
from metafuse.learners.optimization.maml import anil, fomaml, maml


def test_one_step_on_one_linear_task_by_hand():
    # Two classes, one item each: x = 1 of class 0 and x = -1 of class 1. At zero both classes have probability 1/2, the
    # gradient by W_0 is the mean of (1/2 - 1) 1 and (1/2) (-1), so -1/2; by W_1 it is 1/2; by the biases 0.
    support = Support(torch.tensor([[[1.0], [-1.0]]]), torch.tensor([[0, 1]]), torch.ones(1, 2), 2)
    learner = maml(nn.Identity(), inner_steps=1, inner_lr=0.4, head="zero")
    state = learner.adapt(support)
    assert_close(state["head.weight"], torch.tensor([[[0.2], [-0.2]]]))
    assert_close(state["head.bias"], torch.zeros(1, 2))
    # At x = 2 the logits are 0.4 and -0.4: the loss of class 0 is log(1 + exp(-0.8)).
    batch = EpisodeBatch(support, torch.tensor([[[2.0]]]), torch.tensor([[0]]))
    loss, logits = learner.loss(batch)
    assert_close(logits, torch.tensor([[[0.4, -0.4]]]))
    assert loss.item() == pytest.approx(0.371100666)


def test_meta_gradient_of_one_linear_task_by_hand():
    # Start: W = (0, 0) per class, x = 1 of class 0 alone in class 0 and x = -1 in class 1, one step of 0.4 as above.
    # dL/dW_0' at the adapted weights is (p_0 - 1) 2 with p_0 = 1 / (1 + exp(-0.8)); dL/dW_1' is minus that. The Hessian
    # of the support loss in the direction (W_0, W_1) is p (1 - p) x^2 (1, -1; -1, 1) = 1/4 (1, -1; -1, 1), so the
    # gradient by W_0 is dL/dW_0' (1 - 0.4 (1/4 + 1/4)) = 0.8 dL/dW_0'.
    backbone = nn.Identity()
    backbone.dim = 1
    support = Support(torch.tensor([[[1.0], [-1.0]]]), torch.tensor([[0, 1]]), torch.ones(1, 2), 2)
    batch = EpisodeBatch(support, torch.tensor([[[2.0]]]), torch.tensor([[0]]))
    first = 2 * (torch.tensor(0.8).sigmoid() - 1)
    for build, by_hand in ((maml, 0.8 * first), (fomaml, first)):
        learner = build(backbone, inner_steps=1, inner_lr=0.4, head="per_class", n_way=2)
        with torch.no_grad():
            learner.head.weight.zero_()
        learner.loss(batch)[0].backward()
        assert_close(learner.head.weight.grad, torch.stack([by_hand, -by_hand]).view(2, 1))


def test_first_order_gradient_is_that_of_the_adapted_weights(backbones, double_batch, gradients_of):
    learner = fomaml(backbones["mlp"](), inner_steps=3, inner_lr=0.3, head="per_class", n_way=3).double()
    batch = double_batch("mlp", n_tasks=1)
    gradients = gradients_of(learner, batch)
    adapted = {name: tensor.detach().requires_grad_() for name, tensor in learner.adapt(batch.support).items()
               if name != "class_mask"}  # fmt: skip
    logits = learner.logits({**adapted, "class_mask": torch.ones(1, 3, dtype=torch.bool)}, batch.query)
    nn.functional.cross_entropy(logits[0], batch.query_class_index[0]).backward()
    for name, gradient in gradients.items():
        assert_close(gradient, adapted[name].grad[0])


def test_anil_leaves_the_backbone_and_maml_does_not(backbones, double_batch):
    support = double_batch("mlp").support
    own, kept = (build(backbones["mlp"](), inner_steps=2).double().adapt(support) for build in (maml, anil))
    assert set(kept) == {"head.weight", "head.bias", "class_mask"}
    assert any(name.startswith("backbone.") for name in own)
    assert maml(nn.Identity()).adapts_backbone
    assert not anil(nn.Identity()).adapts_backbone
