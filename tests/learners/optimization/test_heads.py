import torch
from torch.testing import assert_close

from metafuse.episodes.batch import Support
from metafuse.learners.episodic import ABSENT_LOGIT
from metafuse.learners.optimization.heads import balanced_targets, head_logits, head_shapes, start_from_prototypes


def support_of(classes, weights, n_way, items=None):
    items = torch.zeros(1, len(classes), 2) if items is None else items
    return Support(items, torch.tensor([classes]), torch.tensor([weights]), n_way)


def test_every_class_counts_the_same_and_padding_nothing():
    targets = balanced_targets(support_of([0, 0, 0, 1, -1], [1.0, 0.5, 0.5, 0.2, 0.0], 3))
    # Two classes are there: a half each, shared by weight; class 2 is not.
    half = torch.tensor([[[0.25, 0, 0], [0.125, 0, 0], [0.125, 0, 0], [0, 0.5, 0], [0, 0, 0]]])
    assert_close(targets, half)


def test_prototype_head_gives_squared_distances_up_to_what_classes_share():
    items = torch.tensor([[[1.0, 0.0], [3.0, 0.0], [0.0, 4.0]]])
    start = start_from_prototypes(items, support_of([0, 0, 1], [1.0, 1.0, 1.0], 2, items), 2.0)
    query = torch.tensor([[[1.0, 1.0]]])
    logits = head_logits(start, query, torch.ones(1, 2, dtype=torch.bool), 2.0)
    # Prototypes (2, 0) and (0, 4), all times two: |2x - 2p|^2 is 8 and 40, so the difference is 32.
    assert_close(logits[0, 0, 0] - logits[0, 0, 1], torch.tensor(32.0))


def test_absent_class_gets_the_absent_logit():
    parameters = {"head.weight": torch.ones(1, 2, 2), "head.bias": torch.zeros(1, 2)}
    logits = head_logits(parameters, torch.ones(1, 1, 2), torch.tensor([[True, False]]), 1.0)
    assert logits.tolist() == [[[2.0, ABSENT_LOGIT]]]


def test_learned_numbers_are_alike_for_every_class_unless_the_head_is_per_class():
    assert head_shapes("zero", None, 7) == {"head.weight": (1, 7), "head.bias": (1,)}
    assert head_shapes("zero", None, None) == {"head.weight": (1, 1), "head.bias": (1,)}
    assert head_shapes("per_class", 5, 7) == {"head.weight": (5, 7), "head.bias": (5,)}
