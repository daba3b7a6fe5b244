import numpy as np
import pytest
import torch

from metafuse.episodes.base import EpisodePool
from metafuse.episodes.batch import EpisodeBatch, Support
from metafuse.errors import ConfigError
from metafuse.meta_training.images import AffineAugment, transform_images, with_rotations
from metafuse.meta_training.sources import TrainingSource


@pytest.fixture
def source():
    images = torch.arange(3 * 16, dtype=torch.uint8).reshape(3, 1, 4, 4)
    pool = EpisodePool(
        "shapes", ("a", "b"), np.array([0, 1, -1]), np.array([0, 1, 1]), np.array([0, 1, 2]), split="meta_train"
    )
    return TrainingSource(images, {"meta_train": pool}, {})


def batch_of(items):
    support = Support(items, torch.zeros(items.shape[:2], dtype=torch.long), torch.ones(items.shape[:2]), 1)
    return EpisodeBatch(support, items, torch.zeros(items.shape[:2], dtype=torch.long))


def test_each_turn_of_a_class_is_a_class_of_its_own(source):
    turned = with_rotations(source)
    pool = turned.pools["meta_train"]
    assert pool.classes[:4] == ("a", "b", "a, turned 90", "b, turned 90")
    assert pool.class_id.tolist() == [0, 1, -1, 2, 3, -1, 4, 5, -1, 6, 7, -1]
    assert pool.group_id.tolist() == [0, 1, 1, 2, 3, 3, 4, 5, 5, 6, 7, 7]
    assert pool.duplicate_id.tolist() == [0, 1, 2] * 4
    np.testing.assert_array_equal(turned.items[3, 0].numpy(), np.rot90(source.items[0, 0].numpy()))
    assert torch.equal(turned.items[:3], source.items)


def test_no_change_leaves_images_as_they_are():
    images = torch.rand(2, 3, 1, 8, 8)
    still = AffineAugment(degrees=0.0, scale=0.0, shear=0.0, shift=0.0)
    found = still(batch_of(images), torch.Generator().manual_seed(0))
    torch.testing.assert_close(found.query, images, atol=1e-5, rtol=0)
    torch.testing.assert_close(found.support.items, images, atol=1e-5, rtol=0)


def test_images_change_on_their_own_and_the_same_generator_changes_them_alike():
    images = torch.rand(1, 1, 1, 8, 8).expand(1, 4, 1, 8, 8).contiguous()
    first, second = (AffineAugment()(batch_of(images), torch.Generator().manual_seed(1)).query for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.allclose(first[0, 0], first[0, 1])
    assert first.shape == images.shape


def test_a_shift_of_half_a_side_moves_pixels_and_repeats_the_edge():
    images = torch.arange(16.0).reshape(1, 1, 4, 4)
    shifted = transform_images(images, torch.tensor([[[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]]))
    torch.testing.assert_close(shifted[0, 0, 0], torch.tensor([2.0, 3.0, 3.0, 3.0]))


def test_a_full_turn_by_drawing_stays_within_its_bounds():
    theta = AffineAugment(degrees=30.0, scale=0.0, shear=0.0, shift=0.1).draw(500, torch.Generator().manual_seed(0))
    angle = torch.rad2deg(torch.atan2(theta[:, 1, 0], theta[:, 0, 0]))
    assert 25 < angle.abs().max() <= 30
    assert 0.18 < theta[:, :, 2].abs().max() <= 0.2


def test_columns_are_refused():
    batch = batch_of(torch.rand(1, 2, 4))
    columns = EpisodeBatch(
        Support({"text/a": batch.query}, batch.query_class_index, batch.support.weight, 1),
        {"text/a": batch.query}, batch.query_class_index,
    )  # fmt: skip
    with pytest.raises(ConfigError, match="affine changes are for raw images"):
        AffineAugment()(columns, torch.Generator())
