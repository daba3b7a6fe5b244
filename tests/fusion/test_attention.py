import numpy as np
import pytest
import torch

from metafuse.backbones.column_tokens import ABOUT, LAW_RATE, ColumnTokensBackbone
from metafuse.errors import ShapeError
from metafuse.features import Features
from metafuse.fusion.attention import TokenWeigher, fit_attention_fusion, split_columns
from metafuse.fusion.column_facts import column_facts
from metafuse.fusion.early import fit_early_fusion
from metafuse.schema import Modality

NAMES = np.random.default_rng(5).standard_normal((3, 6)).astype(np.float32)


@pytest.fixture
def features():
    """Notes tell four classes apart, photos and readings do not; some rows lack a photo, one lacks everything."""
    generator = np.random.default_rng(0)
    class_index = np.arange(48) % 4
    matrices = {
        "note": np.eye(4)[class_index] + 0.3 * generator.standard_normal((48, 4)),
        "photo": generator.standard_normal((48, 5)),
        "reading": generator.standard_normal((48, 3)),
    }
    present = {name: np.arange(48) % 7 != place for place, name in enumerate(matrices)}
    for mask in present.values():
        mask[-1] = False
    matrices = {name: (matrix * present[name][:, None]).astype(np.float32) for name, matrix in matrices.items()}
    return Features(matrices, present, {"note": Modality.TEXT, "photo": Modality.IMAGE, "reading": Modality.VECTOR})


@pytest.fixture
def backbone():
    built = ColumnTokensBackbone(dims={"text": 4, "image": 5}, modalities=["image", "text"], name_dim=6, bound=1.0)
    with torch.no_grad():
        for name in ("out", "law"):
            getattr(built, name).normal_(generator=torch.Generator().manual_seed(1))
        for kind in built.kind.values():
            kind.normal_(generator=torch.Generator().manual_seed(2))
    return built.eval()


@pytest.fixture
def weigher(backbone):
    weights = {name: tensor.numpy() for name, tensor in backbone.state_dict().items()}
    return TokenWeigher(weights, backbone.n_heads, backbone.bound, LAW_RATE)


def labels(n_shot):
    class_index = np.full(48, -1)
    class_index[: 4 * n_shot] = np.arange(4 * n_shot) % 4
    return class_index


def test_equals_the_backbone_it_was_trained_as(features, backbone, weigher):
    fusion = fit_attention_fusion(features, labels(1), weigher=weigher, names=NAMES)
    columns = split_columns(fusion.fusion, fusion.fusion.forward(features))
    facts = column_facts(columns)
    items = {f"{features.modalities[name]}/{name}": torch.from_numpy(x) for name, x in columns.items()}
    about = {
        ABOUT + name: torch.from_numpy(np.concatenate([facts[place], NAMES[place]])).expand(48, -1)
        for place, name in enumerate(items)
    }
    with torch.no_grad():
        expected = backbone(items | about).numpy()
    found = fusion.forward(features)
    assert np.abs(found - fusion.fusion.forward(features)).max() > 0.05
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_without_a_checkpoint_and_with_one_label_it_is_plain_concatenation(features):
    found = fit_attention_fusion(features, labels(1)).forward(features)
    plain = fit_early_fusion(features, dict.fromkeys(features.matrices, 1.0)).forward(features)
    np.testing.assert_allclose(found, plain, atol=1e-6)


def test_labels_raise_the_column_that_tells_classes_apart(features):
    shifts = fit_attention_fusion(features, labels(5)).shifts
    assert shifts[0] > max(shifts[1:])


def test_embeddings_are_of_length_one_and_zero_for_an_item_without_columns(features, weigher):
    found = fit_attention_fusion(features, labels(2), weigher=weigher, names=NAMES).forward(features)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), [*[1] * 47, 0], atol=1e-5)
    assert found.dtype == np.float32


def test_a_modality_never_trained_on_keeps_its_plain_weight(features, weigher):
    fusion = fit_attention_fusion(features, labels(1), weigher=weigher, names=NAMES)
    log_weights = fusion.log_weights(split_columns(fusion.fusion, fusion.fusion.forward(features)))
    np.testing.assert_array_equal(log_weights[:, 2], 0)
    assert log_weights[:, :2].any()


def test_what_was_learned_elsewhere_counts_as_one_label_a_class(features, weigher):
    one, four = (fit_attention_fusion(features, labels(n), weigher=weigher, names=NAMES) for n in (1, 4))
    assert (one.trust, four.trust) == (1.0, 0.25)


def test_the_same_call_gives_the_same_fusion(features, weigher):
    first, second = (fit_attention_fusion(features, labels(3), weigher=weigher, names=NAMES) for _ in range(2))
    np.testing.assert_array_equal(first.forward(features), second.forward(features))


def test_an_item_is_embedded_by_itself(features, weigher):
    fusion = fit_attention_fusion(features, labels(3), weigher=weigher, names=NAMES)
    np.testing.assert_allclose(fusion.forward(features.take(np.array([5]))), fusion.forward(features)[[5]], atol=1e-6)


def test_features_of_another_dimension_are_refused(features, weigher):
    wide = Features(
        {"note": np.ones((4, 9), dtype=np.float32)}, {"note": np.ones(4, dtype=bool)}, {"note": Modality.TEXT}
    )
    with pytest.raises(ShapeError, match=r"modality 'text': expected features of 4 dimensions.*got 9"):
        fit_attention_fusion(wide, np.array([0, 1, -1, -1]), weigher=weigher, names=NAMES[:1])
