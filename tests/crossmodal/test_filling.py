from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from metafuse.crossmodal.filling import FEWEST_ROWS, QUICK, fit_filler
from metafuse.errors import ConfigError, ShapeError
from metafuse.features import Features


def test_gaps_are_filled_and_the_rest_is_unchanged(features):
    filler = fit_filler(features, method="ridge", seed=0)
    filled = filler.fill(features)
    gaps = ~features.present["table"]
    assert filled.present["table"].all()
    np.testing.assert_array_equal(filled.matrices["table"][~gaps], features.matrices["table"][~gaps])
    truth = features.matrices["title"][gaps, :4] * 3 + 1
    missed = np.square(filled.matrices["table"][gaps] - truth).sum()
    assert missed < 0.2 * np.square(truth - truth.mean(axis=0)).sum()


def test_mean_fills_in_the_mean(features):
    filled = fit_filler(features, method="mean", seed=0).fill(features)
    mean = features.matrices["table"][features.present["table"]].mean(axis=0)
    assert filled.matrices["table"][~features.present["table"]] == pytest.approx(np.tile(mean, (60, 1)), abs=1e-5)


def test_threads_are_given_back(features):
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        fit_filler(features, method="vae", seed=0).fill(features)
        with ThreadPoolExecutor(1) as executor:
            assert (torch.get_num_threads(), executor.submit(torch.get_num_threads).result()) == (3, 3)
    finally:
        torch.set_num_threads(before)


def test_row_without_anything_stays_empty(features):
    nothing = np.zeros(240, dtype=bool)
    empty = Features(features.matrices, dict.fromkeys(features.present, nothing), features.modalities)
    filled = fit_filler(features, method="ridge", seed=0).fill(empty)
    assert not any(mask.any() for mask in filled.present.values())


def test_features_handed_in_are_not_changed(features):
    before = features.matrices["table"].copy()
    fit_filler(features, method="ridge", seed=0).fill(features)
    np.testing.assert_array_equal(features.matrices["table"], before)


def test_auto_takes_the_least_error_on_held_out_rows(features):
    filler = fit_filler(features, seed=0)
    assert set(filler.errors) == set(QUICK)
    assert filler.method == min(filler.errors, key=lambda name: filler.errors[name])
    assert filler.errors[filler.method] < 1


def test_too_few_rows_give_no_filler_and_that_is_said(features, caplog):
    assert fit_filler(features.take(np.arange(FEWEST_ROWS - 1)), method="ridge", seed=0) is None
    assert f"gaps are not filled by 'ridge': that takes {FEWEST_ROWS} rows" in caplog.text


def test_one_block_gives_no_filler(features):
    assert fit_filler(features.columns(["title"]), seed=0) is None


def test_unknown_method_is_refused(features):
    with pytest.raises(ConfigError, match=r"unknown way to fill gaps 'magic'\. Known: none, auto, cgan"):
        fit_filler(features, method="magic", seed=0)


def test_other_columns_are_refused(features):
    filler = fit_filler(features, method="ridge", seed=0)
    with pytest.raises(ShapeError, match="filling expected column 'photo' with 30 dimensions, got no such column"):
        filler.fill(features.columns(["title", "table"]))
