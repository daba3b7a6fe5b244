import numpy as np
import pytest
import torch

from metafuse.backbones.columns import ColumnsBackbone
from metafuse.errors import ShapeError
from metafuse.features import Features
from metafuse.fusion.early import equal_weights, fit_early_fusion
from metafuse.fusion.mapped import MappedFusion, layout_of, split_columns
from metafuse.schema import Modality


@pytest.fixture
def features():
    generator = np.random.default_rng(0)
    matrices = {
        "note": generator.standard_normal((6, 4)).astype(np.float32),
        "photo": generator.standard_normal((6, 3)).astype(np.float32),
    }
    present = {"note": np.ones(6, dtype=bool), "photo": np.array([True] * 5 + [False])}
    matrices["photo"][5] = 0
    return Features(matrices, present, {"note": Modality.TEXT, "photo": Modality.IMAGE})


@pytest.fixture
def early(features):
    return fit_early_fusion(features, equal_weights(features, ["note", "photo"]))


def test_equals_the_backbone_it_was_trained_as(features, early):
    backbone = ColumnsBackbone(dims={"text": 4})
    with torch.no_grad():
        backbone.up["text"].normal_(generator=torch.Generator().manual_seed(0))
    residual = (backbone.up["text"] @ backbone.down["text"]).detach().numpy()
    layout = layout_of(early, features.modalities)
    found = MappedFusion(early, layout, {"text": residual}).forward(features)
    columns = split_columns(early.forward(features), layout)
    expected = backbone({name: torch.from_numpy(x) for name, x in columns.items()}).detach().numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)


def test_layout_names_modality_and_column_and_splits_without_a_rest(features, early):
    layout = layout_of(early, features.modalities)
    assert layout == (("text/note", 4), ("image/photo", 3))
    split = split_columns(early.forward(features), layout)
    np.testing.assert_array_equal(np.concatenate(list(split.values()), axis=1), early.forward(features))


def test_without_a_map_nothing_changes(features, early):
    plain = MappedFusion(early, layout_of(early, features.modalities), {})
    np.testing.assert_array_equal(plain.forward(features), early.forward(features))


def test_a_map_of_another_dimension_is_refused(features, early):
    with pytest.raises(ShapeError, match=r"column 'text/note': expected features of 5 dimensions.*got 4"):
        MappedFusion(early, layout_of(early, features.modalities), {"text": np.zeros((5, 5), dtype=np.float32)})
