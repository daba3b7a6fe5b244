import numpy as np
import pytest

from metafuse.fusion.column_facts import LEAST_AGREEMENT, column_facts, in_words


@pytest.fixture
def generator():
    return np.random.default_rng(0)


def test_columns_that_agree_stand_above_one_that_agrees_with_none(generator):
    x = generator.standard_normal((200, 5))
    columns = {"a": x, "b": x + 0.2 * generator.standard_normal((200, 5)), "c": generator.standard_normal((200, 5))}
    agreement = column_facts(columns)[:, 0]
    assert agreement.max() == 0
    assert min(agreement[:2]) > -0.1
    assert agreement[2] < -1.5


def test_likeness_is_the_correlation_of_cosines_and_the_least_is_bounded(generator):
    x, noise = generator.standard_normal((40, 3)), generator.standard_normal((40, 3))
    pairs = ~np.eye(40, dtype=bool)

    def cosines(matrix):
        unit = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
        return (unit @ unit.T)[pairs]

    means = [
        np.mean([np.corrcoef(cosines(one), cosines(other))[0, 1] for other in others])
        for one, others in ((x, (x, noise)), (noise, (x, x)))
    ]
    expected = np.log(max(means[1], LEAST_AGREEMENT) / means[0])
    np.testing.assert_allclose(column_facts({"a": x, "b": x, "c": noise})[:, 0], [0, 0, expected], atol=1e-4)


def test_the_share_of_rows_without_the_column_is_told(generator):
    x = generator.standard_normal((40, 3))
    half = x * (np.arange(40) < 30)[:, None]
    np.testing.assert_allclose(column_facts({"a": x, "b": half})[:, 1], [0, -0.25])


def test_an_empty_column_and_a_single_one_have_finite_facts(generator):
    x = generator.standard_normal((40, 3))
    assert np.isfinite(column_facts({"a": x, "b": np.zeros((40, 3))})).all()
    np.testing.assert_array_equal(column_facts({"a": x}), [[0, 0]])


@pytest.mark.parametrize(("name", "words"), [("generic_name", "generic name"), ("clip (sound)", "clip (sound)")])
def test_names_are_spelt_out(name, words):
    assert in_words(name) == words
