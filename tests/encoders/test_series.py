import sys

import numpy as np
import pytest

from metafuse.artifact import load_value, save_value
from metafuse.encoders.base import Encoder
from metafuse.encoders.series import FIT_SERIES, bring_to_length, fit_series
from metafuse.encoders.series_values import write_series
from metafuse.errors import MissingExtraError, SchemaError

pytest.importorskip("aeon")


def waves(n: int, period: float, n_steps: int = 40, n_channels: int = 1, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    phases = rng.uniform(0, 2 * np.pi, (n, n_channels, 1))
    clean = np.sin(2 * np.pi * np.arange(n_steps) / period + phases)
    return list(clean + 0.1 * rng.standard_normal(clean.shape))


def values_of(series: list[np.ndarray]) -> list[bytes]:
    return [write_series(each) for each in series]


def nearest_class_share(matrix: np.ndarray, class_index: np.ndarray) -> float:
    rows = matrix - matrix.mean(axis=0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    similarities = rows @ rows.T
    np.fill_diagonal(similarities, -2)
    return float((class_index[similarities.argmax(axis=1)] == class_index).mean())


@pytest.fixture
def mixed() -> list[bytes]:
    return values_of(waves(12, 6) + waves(12, 15, seed=1))


def test_an_encoder_has_what_encoders_have(mixed):
    encoder = fit_series(mixed)
    assert isinstance(encoder, Encoder)
    encoded = encoder.encode(mixed)
    assert encoded.matrix.shape == (24, encoder.dim)
    assert encoded.matrix.dtype == np.float32
    assert encoded.failures == {}
    assert np.isfinite(encoded.matrix).all()


def test_shapes_tell_classes_apart(mixed):
    assert nearest_class_share(fit_series(mixed).encode(mixed).matrix, np.arange(24) // 12) == 1


def test_uneven_lengths_go_together():
    series = waves(10, 6, 30) + waves(10, 6, 55, seed=1) + waves(10, 15, 30, seed=2) + waves(10, 15, 55, seed=3)
    values = values_of(series)
    assert nearest_class_share(fit_series(values).encode(values).matrix, np.arange(40) // 20) > 0.9


def test_level_and_scale_tell_apart_what_shapes_do_not():
    one_shape = np.sin(np.arange(30))[None]
    levels = values_of([one_shape + place // 10 * 5 for place in range(20)])
    scales = values_of([one_shape * (1 + place // 10 * 5) for place in range(20)])
    for values in (levels, scales):
        assert nearest_class_share(fit_series(values).encode(values).matrix, np.arange(20) // 10) == 1


def test_several_channels_and_very_short_series():
    values = values_of(waves(8, 3, 7, n_channels=3) + waves(8, 5, 4, n_channels=3, seed=1))
    encoder = fit_series(values)
    assert encoder.n_steps == 16
    assert np.isfinite(encoder.encode(values).matrix).all()


def test_another_number_of_channels_is_a_failure(mixed):
    encoder = fit_series(mixed)
    encoded = encoder.encode([mixed[0], write_series(np.zeros((2, 9)))])
    assert encoded.failures == {1: "has 2 channels, the source's series have 1"}
    assert not encoded.matrix[1].any()


def test_gaps_are_filled_before_encoding(mixed):
    encoder = fit_series(mixed)
    line = np.linspace(0, 1, 20)[None]
    with_gap = line.copy()
    with_gap[0, 7] = np.nan
    matrix = encoder.encode(values_of([line, with_gap])).matrix
    assert matrix[1] == pytest.approx(matrix[0], abs=1e-5)


def test_a_series_has_the_same_features_in_any_company(mixed):
    encoder = fit_series(mixed)
    together = encoder.encode(mixed).matrix
    alone = np.concatenate([encoder.encode([value]).matrix for value in mixed])
    np.testing.assert_allclose(alone, together, rtol=0, atol=1e-6)


def test_same_values_same_features_also_after_saving(mixed, tmp_path):
    encoder = fit_series(mixed)
    save_value(encoder, tmp_path, "series")
    loaded = load_value(tmp_path, "series")
    assert loaded.fingerprint == encoder.fingerprint == fit_series(mixed).fingerprint
    assert fit_series(mixed, seed=1).fingerprint != encoder.fingerprint
    np.testing.assert_array_equal(loaded.encode(mixed).matrix, encoder.encode(mixed).matrix)


def test_the_callers_random_numbers_go_on_as_they_were(mixed):
    np.random.seed(5)
    expected = np.random.random()
    np.random.seed(5)
    fit_series(mixed)
    assert np.random.random() == expected


@pytest.mark.parametrize("series", [[np.ones((1, 12))] * 5, [np.arange(12.0)[None]], [np.ones((2, 3))]])
def test_constant_series_and_a_single_one_are_encoded(series, tmp_path):
    encoder = fit_series(values_of(series))
    save_value(encoder, tmp_path, "series")
    matrix = load_value(tmp_path, "series").encode(values_of(series)).matrix
    assert np.isfinite(matrix).all()
    assert encoder.dim == matrix.shape[1] >= 2 * len(series[0]) + 1


def test_a_value_far_beyond_all_others_does_not_overflow(mixed):
    with np.errstate(all="raise"):
        spike = np.zeros((1, 40))
        spike[0, 20] = 1e30
        matrix = fit_series([*mixed, write_series(spike)]).encode([write_series(spike)]).matrix
    assert np.isfinite(matrix).all()


def test_large_sources_are_fitted_on_some_of_their_series():
    values = values_of(waves(FIT_SERIES + 50, 5, 16))
    encoder = fit_series(values)
    assert len(encoder.encode(values[:3], lambda n: None).matrix) == 3


def test_progress_counts_every_value(mixed):
    counted: list[int] = []
    fit_series(mixed).encode(mixed * 11, counted.append)
    assert sum(counted) == 264


def test_stretching_keeps_lines_and_shrinking_keeps_means():
    line = np.arange(5.0)[None]
    assert bring_to_length(line, 9).tolist() == [[0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4]]
    assert bring_to_length(line, 5) is line
    assert bring_to_length(np.array([[1.0, 3.0, 5.0, 7.0, 0.0, 2.0]]), 3).tolist() == [[2, 6, 1]]


def test_no_series_is_refused():
    with pytest.raises(SchemaError, match="at least one series that can be read, got none"):
        fit_series([])


def test_without_aeon_the_extra_is_named(mixed, monkeypatch):
    encoder = fit_series(mixed)
    monkeypatch.setitem(sys.modules, "aeon.transformations.collection.convolution_based", None)
    with pytest.raises(MissingExtraError, match=r'pip install "metafuse\[series\]"'):
        fit_series(mixed)
    with pytest.raises(MissingExtraError, match=r'pip install "metafuse\[series\]"'):
        encoder.encode(mixed)
