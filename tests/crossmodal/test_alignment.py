import json

import numpy as np
import pytest

from metafuse.artifact import load_value, save_value
from metafuse.crossmodal.alignment import fit_crossmodal
from metafuse.errors import ConfigError, SchemaError
from metafuse.features import Features
from metafuse.schema import Modality

TEXT, IMAGE = Modality.TEXT, Modality.IMAGE


@pytest.fixture
def crossmodal(features):
    return fit_crossmodal(features, seed=0, aligner="cca")


def test_pictures_are_found_by_words(crossmodal, features):
    queries = crossmodal.embed_query(features, TEXT, IMAGE)
    items = crossmodal.item_embeddings(features, TEXT, IMAGE)
    assert np.mean((queries @ items.T).argmax(axis=1) == np.arange(240)) > 0.3


def test_items_are_ranked_by_the_target_alone(crossmodal, features):
    nothing = np.zeros(240, dtype=bool)
    only = Features(features.matrices, {**features.present, "title": nothing}, features.modalities)
    expected = crossmodal.item_embeddings(features, TEXT, IMAGE)
    np.testing.assert_array_equal(crossmodal.item_embeddings(only, TEXT, IMAGE), expected)


def test_row_without_the_target_is_zero(crossmodal, features):
    there = np.arange(240) > 0
    some = Features(features.matrices, {**features.present, "photo": there}, features.modalities)
    items = crossmodal.item_embeddings(some, TEXT, IMAGE)
    assert not items[0].any()
    assert items[1:].any(axis=1).all()


def test_recall_is_measured_on_held_out_pairs(crossmodal):
    found = json.loads(json.dumps(crossmodal.as_dict()))["text and image"]
    assert (found["n_pairs"], found["n_held_out"]) == (240, 48)
    assert found["chance"]["recall@10"] == pytest.approx(10 / 48)
    assert found["text -> image"]["recall@10"] > 0.8
    assert found["image -> text"]["recall@10"] > 0.8


def test_copies_count_once(features):
    twice = features.take(np.tile(np.arange(120), 2))
    assert fit_crossmodal(twice, seed=0, aligner="cca").pairs[0].recall.n_pairs == 120


def test_too_few_pairs_give_no_space(features):
    assert fit_crossmodal(features.take(np.arange(99)), seed=0) is None


def test_one_modality_gives_no_space(features):
    assert fit_crossmodal(features.columns(["title", "table"]), seed=0) is None


def test_modalities_without_a_space_are_refused(crossmodal, features):
    with pytest.raises(SchemaError, match=r"got text and audio\. This source has text and image"):
        crossmodal.embed_query(features, TEXT, Modality.AUDIO)


def test_unknown_aligner_is_refused(features):
    with pytest.raises(ConfigError, match="unknown aligner 'magic'"):
        fit_crossmodal(features, seed=0, aligner="magic")


def test_saved_spaces_answer_alike(crossmodal, features, tmp_path):
    save_value(crossmodal, tmp_path, "crossmodal")
    loaded = load_value(tmp_path, "crossmodal")
    np.testing.assert_array_equal(
        loaded.item_embeddings(features, TEXT, IMAGE), crossmodal.item_embeddings(features, TEXT, IMAGE)
    )
