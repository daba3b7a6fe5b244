import numpy as np
import pytest
from scipy.optimize import approx_fprime

from metafuse.fusion import column_weights
from metafuse.fusion.column_weights import SCALE, fit_column_weights
from metafuse.fusion.early import normalise


@pytest.fixture
def blocks():
    """A column that tells four classes apart, and one that is noise."""
    generator = np.random.default_rng(0)
    class_index = np.repeat(np.arange(4), 5)
    useful = np.eye(4)[class_index] + 0.3 * generator.standard_normal((20, 4))
    return [normalise(useful), normalise(generator.standard_normal((20, 6)))], class_index


def test_the_column_that_tells_classes_apart_gains_and_noise_loses(blocks):
    shifts = fit_column_weights(*blocks)
    assert shifts[0] > 0.3
    np.testing.assert_allclose(shifts.sum(), 0, atol=1e-5)


def test_a_strong_pull_keeps_the_weights(blocks):
    np.testing.assert_allclose(fit_column_weights(*blocks, pull=1e6), 0, atol=1e-3)


def test_one_label_a_class_or_one_column_leaves_weights_as_they_are(blocks):
    columns, class_index = blocks
    first = np.unique(class_index, return_index=True)[1]
    np.testing.assert_array_equal(fit_column_weights([column[first] for column in columns], class_index[first]), 0)
    np.testing.assert_array_equal(fit_column_weights(columns[:1], class_index), 0)


def test_the_same_labels_give_the_same_weights_whatever_their_order(blocks):
    columns, class_index = blocks
    order = np.random.default_rng(1).permutation(len(class_index))
    found = fit_column_weights([column[order] for column in columns], class_index[order])
    np.testing.assert_allclose(found, fit_column_weights(columns, class_index), atol=1e-3)


def test_no_better_weights_are_found_by_search(blocks):
    """Leave-one-out loss written the slow way, at the weights found and beside them."""
    columns, class_index = blocks

    def loss(shift):
        x = np.concatenate([np.exp(each / 2) * column for each, column in zip(shift, columns, strict=True)], axis=1)
        x = x / np.linalg.norm(x, axis=1, keepdims=True)
        total = 0.0
        for row, own in enumerate(class_index):
            others = np.arange(len(x)) != row
            prototypes = np.stack([x[others & (class_index == place)].sum(axis=0) for place in range(4)])
            logits = SCALE * prototypes @ x[row] / np.linalg.norm(prototypes, axis=1)
            total -= logits[own] - np.log(np.exp(logits).sum())
        return total + shift @ shift

    found = fit_column_weights(columns, class_index).astype(np.float64)
    np.testing.assert_allclose(approx_fprime(found, loss, 1e-5), 0, atol=2e-2)
    assert loss(found) < loss(np.zeros(2))


def test_many_labels_are_sampled(blocks, monkeypatch):
    monkeypatch.setattr(column_weights, "MOST_ROWS", 12)
    assert fit_column_weights(*blocks, seed=1).shape == (2,)
    np.testing.assert_array_equal(fit_column_weights(*blocks, seed=1), fit_column_weights(*blocks, seed=1))
