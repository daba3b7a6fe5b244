import torch
from torch import nn
from torch.testing import assert_close

from metafuse.episodes.batch import EpisodeBatch, Support
from metafuse.learners.optimization.reptile import ReptileLearner


def test_gradient_is_the_way_from_the_adapted_weights_by_hand():
    # Support x = 1 of class 0, query x = -1 of class 1; both together are the task of test_maml, where one step of 0.4
    # from zero ends at W = (0.2, -0.2): the gradient is start minus end.
    backbone = nn.Identity()
    backbone.dim = 1
    learner = ReptileLearner(backbone, inner_steps=1, inner_lr=0.4, head="per_class", n_way=2)
    with torch.no_grad():
        learner.inner.head.weight.zero_()
    support = Support(torch.tensor([[[1.0]]]), torch.tensor([[0]]), torch.ones(1, 1), 2)
    loss, _ = learner.loss(EpisodeBatch(support, torch.tensor([[[-1.0]]]), torch.tensor([[1]])))
    loss.backward()
    assert_close(learner.inner.head.weight.grad, torch.tensor([[-0.2], [0.2]]))
    assert_close(loss, torch.tensor(0.04))  # (0.2^2 + 0.2^2) / 2


def test_gradient_is_start_minus_mean_end_of_gradient_descent_on_all_items(backbones, double_batch, gradients_of):
    learner = ReptileLearner(backbones["mlp"](), inner_steps=3, inner_lr=0.1, head="per_class", n_way=3).double()
    batch = double_batch("mlp")
    gradients = gradients_of(learner, batch)
    total = {name: torch.zeros_like(gradient) for name, gradient in gradients.items()}
    for task in range(2):
        copy = ReptileLearner(backbones["mlp"](), head="per_class", n_way=3).double()
        copy.load_state_dict(learner.state_dict())
        optimiser = torch.optim.SGD(copy.parameters(), lr=0.1)
        items = torch.cat([batch.support.items[task], batch.query[task]])
        classes = torch.cat([batch.support.class_index[task], batch.query_class_index[task]])
        for _ in range(3):
            optimiser.zero_grad()
            nn.functional.cross_entropy(copy.inner.head(copy.backbone(items)), classes).backward()
            optimiser.step()
        for (name, start), end in zip(learner.named_parameters(), copy.parameters(), strict=True):
            total[name] += (start - end).detach() / 2
    assert_close(gradients, total)


def test_logits_are_those_after_the_support_set_alone(backbones, double_batch):
    learner, batch = ReptileLearner(backbones["mlp"]()).double(), double_batch("mlp")
    assert_close(learner.loss(batch)[1], learner.logits(learner.adapt(batch.support), batch.query))
