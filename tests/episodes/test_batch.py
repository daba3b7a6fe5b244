import numpy as np
import pytest
import torch

from metafuse.episodes.base import Episodes
from metafuse.episodes.batch import Support, gather, map_items

EPISODES = Episodes(
    source=0,
    classes=np.array([[3, 1], [0, 2]]),
    support=np.array([[4, 2, 0], [1, 5, -1]]),
    support_class_index=np.array([[0, 1, 1], [0, 1, -1]]),
    query=np.array([[1], [3]]),
    query_class_index=np.array([[1], [0]]),
)


def test_rows_are_gathered_and_padding_has_no_weight():
    batch = gather(torch.arange(6.0).unsqueeze(1) * 10, EPISODES)
    assert batch.support.items.squeeze(-1).tolist() == [[40, 20, 0], [10, 50, 0]]
    assert batch.support.weight.tolist() == [[1, 1, 1], [1, 1, 0]]
    assert batch.support.n_way == 2
    assert batch.query.squeeze(-1).tolist() == [[10], [30]]
    assert batch.query_class_index.tolist() == [[1], [0]]


def test_each_column_is_gathered():
    columns = {"text/a": torch.arange(6.0).view(6, 1), "image/b": torch.arange(12.0).view(6, 2)}
    batch = gather(columns, EPISODES)
    assert batch.query["text/a"].tolist() == [[[1.0]], [[3.0]]]
    assert batch.query["image/b"].tolist() == [[[2.0, 3.0]], [[6.0, 7.0]]]


def test_images_keep_their_shape():
    assert gather(torch.zeros(6, 1, 4, 4), EPISODES).support.items.shape == (2, 3, 1, 4, 4)


def test_targets_are_one_hot_times_weight():
    support = Support(torch.zeros(1, 3, 2), torch.tensor([[1, 0, -1]]), torch.tensor([[1.0, 0.5, 0.0]]), 2)
    assert support.targets().tolist() == [[[0, 1], [0.5, 0], [0, 0]]]


@pytest.mark.parametrize(("items", "expected"), [(torch.ones(1), [2.0]), ({"a": torch.ones(1)}, {"a": [2.0]})])
def test_map_items_keeps_their_form(items, expected):
    found = map_items(items, lambda tensor: tensor * 2)
    assert (
        found.tolist() if isinstance(found, torch.Tensor) else {k: v.tolist() for k, v in found.items()}
    ) == expected
