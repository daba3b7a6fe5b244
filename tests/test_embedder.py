import numpy as np
import pandas as pd
import pytest

from metafuse.embedder import Embedder, fit_embedder
from metafuse.errors import ArtifactError, SchemaError
from metafuse.rows import Rows
from metafuse.schema import Column, Modality, Schema
from metafuse.sources.media import Media

SCHEMA = Schema(
    tuple(
        Column(name, Modality(modality), "")
        for name, modality in (("title", "text"), ("note", "text"), ("photo", "image"), ("weight", "numeric"))
    )
)


def rows_of(frame: pd.DataFrame) -> Rows:
    return Rows(pd.Index([f"r{row}" for row in range(len(frame))]), frame, (None,) * len(frame), Media())


@pytest.fixture
def rows(photo) -> Rows:
    photos = [photo((200, 40, 40)), None, b"no image"]
    return rows_of(
        pd.DataFrame(
            {
                "title": ["battery dead", "late courier", "  "],
                "note": ["late courier", None, "battery dead"],
                "photo": pd.Series(photos, dtype=object),
                "weight": [1.0, np.nan, 3.0],
            }
        )
    )


@pytest.fixture
def embedder(rows, cache, tiny_text_model) -> Embedder:
    return fit_embedder(
        rows, SCHEMA, cache, models={"text": str(tiny_text_model), "image": "handcrafted"}, device="cpu"
    )


def test_each_text_and_image_column_and_the_table_get_a_matrix(embedder, rows):
    features, _ = embedder.encode(rows)
    assert list(features.matrices) == ["title", "note", "photo", "table"]
    assert features.present["title"].tolist() == [True, True, False]
    assert features.present["note"].tolist() == [True, False, True]
    assert features.present["photo"].tolist() == [True, False, False]
    assert features.matrices["title"].dtype == np.float32
    assert not features.matrices["note"][1].any()
    np.testing.assert_array_equal(features.matrices["title"][0], features.matrices["note"][2])


def test_a_cell_that_cannot_be_encoded_is_quarantined_and_missing(embedder, rows):
    _, quarantine = embedder.encode(rows)
    assert [(bad.row_id, bad.column) for bad in quarantine] == [("r2", "photo")]
    assert quarantine[0].reason


def test_absent_columns_count_as_missing_in_every_row(embedder, rows):
    features, _ = embedder.encode(rows_of(rows.frame[["title"]]))
    assert not features.present["note"].any()
    assert not features.present["photo"].any()
    assert features.present["title"].tolist() == [True, True, False]


def test_rows_with_no_known_column_are_refused(embedder):
    with pytest.raises(SchemaError, match="at least one of the columns title, note, photo, weight; got colour"):
        embedder.encode(rows_of(pd.DataFrame({"colour": ["red"]})))


def test_a_query_fills_every_column_of_its_modality_and_nothing_else(embedder, rows):
    features, _ = embedder.encode(rows)
    query = embedder.encode_query(text=["battery dead"])
    np.testing.assert_array_equal(query.matrices["title"], features.matrices["title"][:1])
    np.testing.assert_array_equal(query.matrices["note"], query.matrices["title"])
    assert [bool(query.present[name][0]) for name in query.present] == [True, True, False, False]
    assert {name: matrix.shape[1] for name, matrix in query.matrices.items()} == {
        name: matrix.shape[1] for name, matrix in features.matrices.items()
    }


def test_a_query_of_another_modality_than_the_sources_is_refused(rows, cache):
    schema = Schema((Column("weight", Modality.NUMERIC, ""),))
    embedder = fit_embedder(rows, schema, cache, models={"text": "none", "image": "none"}, device="cpu")
    with pytest.raises(SchemaError, match="this run has no text column to compare with"):
        embedder.encode_query(text=["battery"])
    with pytest.raises(SchemaError, match="this run has no image column to compare with"):
        embedder.encode_query(images=[b""])


def test_a_broken_image_to_search_by_is_refused(embedder):
    with pytest.raises(SchemaError, match=r"the image to search for .* Choose another one"):
        embedder.encode_query(images=[b"no image"])


def test_another_model_than_the_specs_is_refused(embedder, cache):
    from dataclasses import replace

    spec = replace(embedder.spec, fingerprints={**embedder.spec.fingerprints, "text": "text-of-old"})
    with pytest.raises(
        ArtifactError, match=r"expected text-of-old, got text-.* Install the same model, or adapt again"
    ):
        Embedder(spec, cache, device="cpu")


def test_progress_is_told_per_column(embedder, rows):
    told = []
    embedder.encode(rows, lambda *event: told.append(event))
    assert {("encoding title", 2, 2), ("encoding note", 2, 2), ("encoding photo", 2, 2)} <= set(told)
