import torch
from torch.testing import assert_close

from metafuse.episodes.batch import EpisodeBatch, Support
from metafuse.learners.optimization.chunks import as_dict, loss_in_chunks


def test_no_more_than_a_chunk_is_worked_on_and_unequal_queries_are_weighed():
    items = torch.arange(1.0, 6.0).view(5, 1, 1).expand(5, 2, 1)
    query_class = torch.tensor([[0, 0], [0, -1], [0, 0], [0, 0], [0, -1]])
    batch = EpisodeBatch(Support(items, query_class.clamp(min=0), torch.ones(5, 2), 1), items, query_class)
    weight, sizes = torch.tensor(2.0, requires_grad=True), []

    def loss(chunk):
        there = chunk.query_class_index >= 0
        sizes.append(len(there))
        return (weight * chunk.query[..., 0])[there].mean(), weight * chunk.query

    total, logits = loss_in_chunks(loss, batch, [weight], 2)
    (3 * total).backward()
    # Query items 1, 1, 2, 3, 3, 4, 4, 5 have the mean 23/8.
    assert sizes == [2, 2, 1]
    assert_close(total.detach(), torch.tensor(2 * 23 / 8))
    assert_close(weight.grad, torch.tensor(3 * 23 / 8))
    assert_close(logits, 2 * items)


def test_items_of_columns_become_a_plain_dict():
    assert as_dict({"text/a": torch.ones(1)}) == {"text/a": torch.ones(1)}
