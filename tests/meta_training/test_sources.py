import logging

import numpy as np
import pandas as pd
import pytest
import torch

from metafuse.errors import ConfigError, SchemaError
from metafuse.features import Features
from metafuse.meta_training.sources import (
    TrainingSource,
    feature_items,
    image_options,
    modality_dims,
    modality_names,
    token_items,
)
from metafuse.meta_training.sources import read_training_source as read_source
from metafuse.schema import Modality

SMALL = {"image_size": 16, "in_channels": 1}


@pytest.fixture
def photos(photo) -> pd.DataFrame:
    """Two classes of two photos each, then a row with none and one with no image in it."""
    cells = [photo((200, 40, 40)), photo((190, 40, 40)), photo((40, 40, 200)), photo((40, 40, 190)), None, b"no image"]
    return pd.DataFrame({"photo": pd.Series(cells, dtype=object), "label": list("aabbab")})


def test_rows_without_a_usable_image_have_no_class(photos, cache, caplog):
    with caplog.at_level(logging.WARNING):
        read = read_source(photos, "conv4", SMALL, cache, device="cpu")
    assert read.pools["all"].class_id.tolist() == [0, 0, 1, 1, -1, -1]
    assert read.items.shape == (6, 1, 16, 16)
    assert not read.items[4:].any()
    (message,) = caplog.messages
    assert "2 of 6 rows have no usable image and are left out: 4: the cell is empty; 5: " in message


def test_a_source_whose_images_are_all_unusable_is_refused(photos, cache):
    photos["photo"] = [f"lost{row}.jpg" for row in range(6)]
    with pytest.raises(
        SchemaError, match=r"expected rows with a usable image, got none in 6 rows: 0: .*lost0.*; and 1 more"
    ):
        read_source(photos, "conv4", SMALL, cache, device="cpu")


def test_rows_without_any_feature_have_no_class(department, cache, caplog):
    notes = [f"charger socket {row % 7} dead" for row in range(96)]
    notes[1] = notes[9] = None
    with caplog.at_level(logging.WARNING):
        read = read_source(department(note=notes), "columns", {}, cache, device="cpu")
    assert np.flatnonzero(read.pools["all"].class_id < 0).tolist() == [1, 9]
    assert any("2 of 96 rows have no usable feature and are left out: T001: every column" in m for m in caplog.messages)


def test_the_pool_of_all_classes_is_called_so(photos, cache):
    pools = read_source(photos, "conv4", SMALL, cache, device="cpu").pools
    assert {name: pool.split for name, pool in pools.items()} == {name: name for name in pools}
    assert pools["all"].classes == ("a", "b")


def test_a_column_named_under_classes_and_not_there_is_refused(department, cache):
    with pytest.raises(ConfigError, match=r"source 'dept' has no column 'shop', which its \[classes\] name"):
        read_source(department(more="group_column = 'shop'"), "columns", {}, cache, device="cpu")


def test_missing_groups_and_duplicates_stay_missing(department, cache):
    more = "group_column = 'shop'\nduplicate_column = 'copy'"
    task = department(more=more, shop=["north", None] * 48, copy=[7.0, np.nan, 7.0, np.nan] * 24)
    pool = read_source(task, "columns", {}, cache, device="cpu").pools["all"]
    assert pool.group_id.tolist() == [0, -1] * 48
    assert pool.duplicate_id.tolist() == [0, -1] * 48


def test_feature_items_are_one_tensor_a_column_and_zero_where_absent():
    matrix = np.array([[1, 0], [0, 1], [0, 0]], dtype=np.float32)
    features = Features(
        {"note": matrix, "photo": np.zeros((3, 4), dtype=np.float32)},
        {"note": np.array([True, True, False]), "photo": np.zeros(3, dtype=bool)},
        {"note": Modality.TEXT, "photo": Modality.IMAGE},
    )
    items = feature_items(features)
    assert {name: tuple(x.shape) for name, x in items.items()} == {"text/note": (3, 2)}
    # Centred on (0.5, 0.5), the two notes point opposite ways.
    half = 0.5**0.5
    np.testing.assert_allclose(items["text/note"].numpy(), [[half, -half], [-half, half], [0, 0]], atol=1e-6)


def source_of(**dims: int) -> TrainingSource:
    return TrainingSource({name.replace("_", "/"): torch.zeros(2, dim) for name, dim in dims.items()}, {}, {})


def test_dimensions_are_a_modalitys_and_tables_are_left_out():
    sources = [source_of(text_note=8, text_title=8, numeric_table=5), source_of(image_photo=4, numeric_table=9)]
    assert modality_dims(sources) == {"text": 8, "image": 4}


def test_features_of_different_dimensions_are_refused():
    with pytest.raises(ConfigError, match=r"modality 'text': expected one encoder .* of 8 and 16 dimensions"):
        modality_dims([source_of(text_note=8), source_of(text_note=16)])


def test_image_options_spell_out_the_defaults():
    assert image_options("conv4", {}) == {"image_size": 28, "in_channels": 1}
    assert image_options("conv4", {"in_channels": 3, "channels": 8}) == {
        "image_size": 28,
        "in_channels": 3,
        "channels": 8,
    }


def test_a_backbone_without_images_is_refused():
    with pytest.raises(ConfigError, match="backbone 'columns' takes no images"):
        image_options("columns", {"dims": {}})


@pytest.fixture
def names_of_one(monkeypatch):
    """Embeddings of names without a text model."""
    from metafuse.fusion.column_facts import NAME_DIM

    monkeypatch.setattr(
        "metafuse.meta_training.sources.encode_names",
        lambda names: np.stack([np.full(NAME_DIM, len(name), dtype=np.float32) for name in names]),
    )


def test_tokens_have_columns_alike_and_what_is_known_of_them_beside(names_of_one):
    generator = np.random.default_rng(0)
    matrices = {name: generator.standard_normal((5, 4)).astype(np.float32) for name in ("a", "bb", "photo")}
    features = Features(
        matrices,
        {name: np.ones(5, dtype=bool) for name in matrices},
        {"a": Modality.TEXT, "bb": Modality.TEXT, "photo": Modality.IMAGE},
    )
    items = token_items(features)
    assert list(items) == ["text/a", "text/bb", "image/photo", "about/text/a", "about/text/bb", "about/image/photo"]
    for name in ("text/a", "text/bb", "image/photo"):
        torch.testing.assert_close(items[name].norm(dim=1), torch.full((5,), 3**-0.5))
    assert items["about/text/bb"].shape == (5, 386)
    assert items["about/text/bb"][:, 2:].unique().tolist() == [2.0]
    read = TrainingSource(items, {}, {})
    assert (modality_dims([read]), modality_names([read])) == ({"text": 4, "image": 4}, ["image", "text"])


def test_the_fingerprint_of_a_source_changes_with_its_rows_and_its_classes(department, cache):
    def content(**options):
        return read_source(department(**options), "columns", {}, cache, device="cpu").content

    plain = content()
    assert plain == content()
    assert plain != content(price=np.arange(96) % 7)
    assert plain != content(more="meta_train = ['topic 1', 'topic 2', 'topic 3']")


def test_modalities_encoded_source_by_source_have_no_dimension_of_their_own():
    sources = [
        TrainingSource(
            {"text/note": torch.zeros(2, 4), "series/load": torch.zeros(2, n), "geo/place": torch.zeros(2, n)}, {}, {}
        )
        for n in (3, 5)
    ]
    assert modality_dims(sources) == {"text": 4}
    assert modality_names(sources) == ["geo", "series", "text"]
