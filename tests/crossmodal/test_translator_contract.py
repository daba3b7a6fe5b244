"""What every translator keeps to."""

import numpy as np
import pytest

from metafuse.artifact import load_value, save_value
from metafuse.crossmodal import TRANSLATORS
from metafuse.crossmodal.base import Codes, Translator
from metafuse.crossmodal.hiding import give, hidden_error, take_codes

LEARNED = [name for name in TRANSLATORS.names() if name != "mean"]


@pytest.fixture(scope="module", params=TRANSLATORS.names())
def fitted(request, codes):
    """Each translator, fitted once."""
    return TRANSLATORS.build(request.param, codes, seed=0)


def build_quickly(name: str, codes: Codes, seed: int) -> Translator:
    options = {} if name in ("mean", "ridge", "knn") else {"steps": 20}
    return TRANSLATORS.build(name, codes, seed=seed, **options)


@pytest.mark.parametrize("name", LEARNED)
def test_absent_blocks_are_foreseen_better_than_by_the_mean(name, codes):
    rows = np.flatnonzero(codes.present.all(axis=1))
    fitted, asked = take_codes(codes, rows[:-40]), take_codes(codes, rows[-40:])
    given = np.tile([True, False, True], (40, 1))
    assert hidden_error(TRANSLATORS.build(name, fitted, seed=0), asked, given) < 0.5


def test_mean_is_the_unit_of_the_error(codes):
    rows = np.flatnonzero(codes.present.all(axis=1))
    given = np.tile([True, False, False], (len(rows), 1))
    assert hidden_error(TRANSLATORS.build("mean", codes, seed=0), take_codes(codes, rows), given) == pytest.approx(1.0)


def test_every_block_is_predicted_from_any_part(fitted, codes):
    assert isinstance(fitted, Translator)
    for pattern in ([True, False, False], [False, True, True], [True, True, True]):
        predicted = fitted.predict(give(codes, codes.present & np.array(pattern)))
        assert predicted.shape == codes.values.shape
        assert predicted.dtype == np.float32
        assert np.isfinite(predicted).all()


@pytest.mark.parametrize("name", TRANSLATORS.names())
def test_same_seed_gives_the_same_translator(name, codes):
    first, second = (build_quickly(name, codes, 2).predict(codes) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_row_does_not_depend_on_its_batch(fitted, codes):
    assert fitted.predict(take_codes(codes, np.arange(3))) == pytest.approx(fitted.predict(codes)[:3], abs=1e-5)


def test_saved_translator_answers_alike(fitted, codes, tmp_path):
    save_value(fitted, tmp_path, "translator")
    np.testing.assert_array_equal(load_value(tmp_path, "translator").predict(codes), fitted.predict(codes))


@pytest.mark.parametrize("name", ["cvae", "cgan"])
def test_draws_vary_and_repeat_with_their_seed(name, codes):
    translator = build_quickly(name, codes, 0)
    asked = Codes(np.zeros((5, 9), np.float32), np.zeros((5, 3), dtype=bool), codes.sizes)
    drawn = translator.draw(asked, seed=1)
    assert np.ptp(drawn, axis=0).min() > 0
    np.testing.assert_array_equal(translator.draw(asked, seed=1), drawn)
