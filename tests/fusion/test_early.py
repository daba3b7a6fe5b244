import numpy as np
import pytest

from metafuse.errors import ShapeError
from metafuse.features import Features
from metafuse.fusion.early import EarlyFusion, equal_weights, fit_early_fusion
from metafuse.schema import Modality


def two_columns(present_image=(True, True, False)):
    return Features(
        {
            "note": np.array([[1, 0], [0, 1], [1, 0]], dtype=np.float32),
            "photo": np.array([[0, 2, 0], [0, 0, 5], [0, 0, 0]], dtype=np.float32),
        },
        {"note": np.ones(3, dtype=bool), "photo": np.array(present_image)},
        {"note": Modality.TEXT, "photo": Modality.IMAGE},
    )


def uncentred(weights):
    return EarlyFusion(weights, {"note": np.zeros(2, dtype=np.float32), "photo": np.zeros(3, dtype=np.float32)})


def test_weights_are_shares_of_the_cosine():
    embedding = uncentred({"note": 3.0, "photo": 1.0}).forward(two_columns())
    expected = np.array([np.sqrt(0.75), 0, 0, 0.5, 0])
    np.testing.assert_allclose(embedding[0], expected, atol=1e-6)


def test_missing_column_leaves_its_weight_to_the_others():
    embedding = uncentred({"note": 1.0, "photo": 1.0}).forward(two_columns())
    np.testing.assert_allclose(embedding[2], [1, 0, 0, 0, 0], atol=1e-6)


def test_item_without_any_column_is_zero():
    features = two_columns()
    bare = Features(
        features.matrices, {name: np.zeros(3, dtype=bool) for name in features.present}, features.modalities
    )
    assert not uncentred({"note": 1.0, "photo": 1.0}).forward(bare).any()


def test_means_are_taken_over_items_that_have_the_column():
    fusion = fit_early_fusion(two_columns(), {"note": 1.0, "photo": 1.0})
    np.testing.assert_allclose(fusion.means["photo"], [0, 1, 2.5])
    np.testing.assert_allclose(fusion.means["note"], [2 / 3, 1 / 3], atol=1e-6)


def test_column_of_weight_zero_is_left_out():
    fusion = fit_early_fusion(two_columns(), {"note": 1.0, "photo": 0.0})
    assert fusion.columns == ["note"]
    assert fusion.forward(two_columns()).shape == (3, 2)


def test_modalities_weigh_the_same_whatever_their_number_of_columns():
    features = two_columns()
    more = Features(
        {**features.matrices, "title": features.matrices["note"]},
        {**features.present, "title": features.present["note"]},
        {**features.modalities, "title": Modality.TEXT},
    )
    assert equal_weights(more, list(more.matrices)) == {"note": 0.5, "title": 0.5, "photo": 1.0}


def test_other_dimension_is_refused():
    features = two_columns()
    with pytest.raises(ShapeError, match="column 'photo' with 3 dimensions, got 2 dimensions"):
        uncentred({"photo": 1.0}).forward(
            Features({"photo": features.matrices["note"]}, {"photo": np.ones(3, dtype=bool)}, {"photo": Modality.IMAGE})
        )
