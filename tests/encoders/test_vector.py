import numpy as np
import pytest

from metafuse.artifact import load_value, save_value
from metafuse.encoders.base import Encoder
from metafuse.encoders.vector import fit_vector, read_vector
from metafuse.errors import SchemaError
from metafuse.sources.media import Media, MediaError


def _values(matrix: np.ndarray) -> list[bytes]:
    return [row.astype("<f4").tobytes() for row in matrix]


def _draw(*deviations: float, n: int = 400) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((n, len(deviations))) * np.array(deviations)


def test_cells_are_read_in_all_forms():
    expected = np.array([0.5, 1.5, 2.0], "<f4").tobytes()
    for cell in ([0.5, 1.5, 2], np.array([0.5, 1.5, 2]), "[0.5, 1.5, 2]", "[0.5 1.5 2. ]"):
        assert read_vector(cell, Media()) == expected


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("red", "'red' is no list of numbers"),
        ([[1, 2], [3, 4]], "is no list of numbers"),
        ([1.0, None, np.nan], "2 of its 3 numbers are missing or infinite"),
        ([1.0, np.inf], "1 of its 2 numbers"),
        ([1.0, 1e300], "1 of its 2 numbers"),
    ],
)
def test_unreadable_cells_say_why(cell, reason):
    with pytest.raises(MediaError, match=reason):
        read_vector(cell, Media())


def test_large_dimensions_do_not_drown_the_others():
    values = _values(_draw(1000.0, 1.0, 0.01))
    deviations = fit_vector(values).encode(values).matrix.std(axis=0)
    # twice and half the median one at most
    np.testing.assert_allclose(deviations / deviations[1], [2, 1, 0.5], rtol=0.15)


def test_dimensions_of_one_unit_keep_their_proportions():
    values = _values(_draw(1.5, 1.0, 0.7))
    deviations = fit_vector(values).encode(values).matrix.std(axis=0)
    np.testing.assert_allclose(deviations / deviations[1], [1.5, 1, 0.7], rtol=0.15)


def test_rows_are_of_length_one_on_average():
    values = _values(_draw(3.0, 1.0, 0.2, 5.0))
    matrix = fit_vector(values).encode(values).matrix
    assert np.mean(np.sum(matrix**2, axis=1)) == pytest.approx(1, rel=1e-5)


def test_outliers_neither_set_the_scale_nor_leave_it():
    clean = _draw(1.0, 1.0)
    dirty = clean.copy()
    dirty[0, 0] = 1e6
    expected = fit_vector(_values(clean)).encode(_values(clean)).matrix
    found = fit_vector(_values(dirty)).encode(_values(dirty)).matrix
    np.testing.assert_allclose(found[1:], expected[1:], atol=0.05)
    assert np.abs(found[0]).max() < 10


def test_constant_dimensions_are_dropped_and_rare_ones_kept():
    matrix = _draw(1.0, 0.0, 1.0)
    matrix[:, 2] = 0
    matrix[7, 2] = 1
    encoder = fit_vector(_values(matrix))
    assert isinstance(encoder, Encoder)
    assert (encoder.dim, encoder.kept.tolist()) == (2, [0, 2])


def test_another_length_is_a_failure():
    encoder = fit_vector([*_values(_draw(1.0, 1.0)), np.zeros(3, "<f4").tobytes()])
    encoded = encoder.encode([np.zeros(3, "<f4").tobytes(), np.ones(2, "<f4").tobytes()])
    assert encoded.failures == {0: "has 3 numbers, and 2 are expected"}
    assert encoded.matrix[1].any()


def test_nothing_to_fit_is_refused():
    with pytest.raises(SchemaError, match="at least one vector that can be read, got none"):
        fit_vector([])
    with pytest.raises(SchemaError, match="all are the same"):
        fit_vector(_values(np.ones((3, 2))))


def test_fingerprint_follows_what_is_fitted():
    values = _values(_draw(1.0, 2.0))
    assert fit_vector(values).fingerprint == fit_vector(values).fingerprint != fit_vector(values[:50]).fingerprint


def test_saved_and_loaded_it_is_the_same(tmp_path):
    encoder = fit_vector(_values(_draw(1.0, 2.0)))
    save_value(encoder, tmp_path, "encoder")
    assert load_value(tmp_path, "encoder").fingerprint == encoder.fingerprint
