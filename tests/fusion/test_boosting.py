import numpy as np
import pytest

from metafuse.fusion.boosting import BoostedExperts, fit_boosting


def test_votes_by_hand():
    said = [np.log([[0.8, 0.2]]), np.log([[0.4, 0.6]])]
    found = BoostedExperts((0.75, 0.25), 2.0, 0.0).combine(said)
    np.testing.assert_allclose(np.exp(found), [[1 / (1 + np.exp(-1)), 1 / (1 + np.exp(1))]], rtol=1e-5)


def test_expert_that_is_right_gets_the_votes(experts):
    said, truth = experts()
    votes = fit_boosting(said, truth, 0).votes
    assert sum(votes) == pytest.approx(1)
    assert votes[0] == max(votes)
