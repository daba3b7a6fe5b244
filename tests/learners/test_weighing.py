import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from metafuse.learners.weighing import agreement


@pytest.mark.parametrize("seed", range(4))
def test_agreement_is_cohens_kappa(seed):
    generator = np.random.default_rng(seed)
    first = generator.integers(4, size=80)
    second = np.where(generator.random(80) < 0.6, first, generator.integers(4, size=80))
    assert agreement(first, second, 4) == pytest.approx(cohen_kappa_score(first, second))


def test_agreement_by_hand():
    # Right in 3 of 4; by chance 2/4 * 3/4 + 2/4 * 1/4 = 1/2.
    assert agreement(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0]), 2) == pytest.approx(0.5)


def test_agreement_is_never_negative_nor_undefined():
    assert agreement(np.array([0, 1]), np.array([1, 0]), 2) == 0
    assert agreement(np.array([1, 1]), np.array([1, 1]), 2) == 0
    assert agreement(np.zeros(0, dtype=int), np.zeros(0, dtype=int), 2) == 0
