import json

import numpy as np
import pandas as pd
import pytest

from metafuse.encoders.tabular import TabularEncoder, fit_tabular
from metafuse.errors import ArtifactError
from metafuse.schema import Column, Modality

COLUMNS = (
    Column("note", Modality.TEXT, ""),
    Column("price", Modality.NUMERIC, ""),
    Column("shop", Modality.CATEGORICAL, ""),
    Column("returned_at", Modality.DATETIME, ""),
    Column("country", Modality.CATEGORICAL, ""),
)


@pytest.fixture
def frame():
    n_rows = 40
    return pd.DataFrame(
        {
            "note": "text",
            "price": [f"{value},50 €" for value in range(n_rows)],
            "shop": [None if row % 10 == 0 else "abc"[row % 3] for row in range(n_rows)],
            "returned_at": pd.date_range("2024-01-01", periods=n_rows, freq="31h").astype(str),
            "country": "CH",
        },
        index=pd.RangeIndex(100, 100 + n_rows),
    )


def test_slices_cover_the_row_and_leave_out_columns_that_do_not_vary(frame):
    encoder = fit_tabular(frame, COLUMNS)
    assert encoder.slices == {"price": slice(0, 1), "shop": slice(1, 4), "returned_at": slice(4, 9)}
    assert encoder.encode(frame).matrix.shape == (40, encoder.dim) == (40, 9)
    assert encoder.encode(frame).matrix.dtype == np.float32


def test_features_are_centred_where_nothing_is_missing(frame):
    encoder = fit_tabular(frame, COLUMNS)
    assert encoder.encode(frame).matrix.mean(axis=0) == pytest.approx(np.zeros(9), abs=1e-6)


def test_state_gives_the_same_features_bit_for_bit_after_json(frame):
    encoder = fit_tabular(frame, COLUMNS)
    again = TabularEncoder.from_state(json.loads(json.dumps(encoder.state())))
    assert again == encoder
    assert again.fingerprint == encoder.fingerprint
    assert np.array_equal(again.encode(frame).matrix, encoder.encode(frame).matrix)


def test_a_row_is_encoded_the_same_alone_and_among_others(frame):
    encoder = fit_tabular(frame, COLUMNS)
    assert np.array_equal(encoder.encode(frame.iloc[[7]]).matrix[0], encoder.encode(frame).matrix[7])


def test_row_order_does_not_change_the_categories(frame):
    backwards = frame.iloc[::-1]
    assert fit_tabular(backwards, COLUMNS).slices == fit_tabular(frame, COLUMNS).slices
    assert fit_tabular(backwards, COLUMNS).columns[1].categories == fit_tabular(frame, COLUMNS).columns[1].categories


def test_missing_columns_and_cells_are_zero_and_absent(frame):
    encoder = fit_tabular(frame, COLUMNS)
    rows = pd.DataFrame({"price": ["3,50 €", None, "cheap"]})
    encoded = encoder.encode(rows)
    assert encoded.present.tolist() == [True, False, False]
    assert not encoded.matrix[1:].any()
    assert not encoded.matrix[0, 1:].any()
    assert encoded.unreadable == {"price": 1}


def test_a_source_without_tabular_columns_has_an_empty_block(frame):
    encoder = fit_tabular(frame, COLUMNS[:1])
    encoded = encoder.encode(frame)
    assert (encoder.dim, encoder.slices) == (0, {})
    assert encoded.matrix.shape == (40, 0)
    assert not encoded.present.any()


def test_fingerprint_follows_the_rows_it_was_fitted_on(frame):
    assert fit_tabular(frame, COLUMNS).fingerprint != fit_tabular(frame.iloc[:20], COLUMNS).fingerprint


def test_state_of_another_version_is_refused(frame):
    state = fit_tabular(frame, COLUMNS).state() | {"version": 0}
    with pytest.raises(ArtifactError, match="expected state of version 2, got 0"):
        TabularEncoder.from_state(state)


@pytest.mark.parametrize("columns", [None, [{"kind": "numeric", "name": "x"}], [{"kind": "colour"}], [{}]])
def test_damaged_state_is_refused(columns):
    with pytest.raises(ArtifactError, match="its saved state is damaged"):
        TabularEncoder.from_state({"version": 2, "columns": columns})
