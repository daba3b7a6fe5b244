import numpy as np
import pytest
import torch
from torch import nn

from metafuse.episodes.batch import Support
from metafuse.errors import ConfigError
from metafuse.learners.metric.whitened import WhitenedLearner


@pytest.fixture
def task():
    """Three classes of four rows in five dimensions, whose first dimension is loud within every class."""
    generator = np.random.default_rng(0)
    class_index = np.repeat(np.arange(3), 4)
    x = 3 * np.eye(5)[class_index + 1] + generator.standard_normal((12, 5)) * [2.0, 0.2, 0.2, 0.2, 0.2]
    query = 3 * np.eye(5)[[1, 2, 3]] + generator.standard_normal((3, 5)) * [2.0, 0.2, 0.2, 0.2, 0.2]
    return x, class_index, query


def adapt_and_score(learner, x, class_index, query):
    x, query = torch.from_numpy(x)[None], torch.from_numpy(query)[None]
    support = Support(x, torch.from_numpy(class_index)[None], torch.ones(1, x.shape[1], dtype=x.dtype), 3)
    with torch.no_grad():
        return learner.logits(learner.adapt(support), query)[0].numpy()


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_equals_the_formula_in_numpy(task):
    x, class_index, query = task
    learner = WhitenedLearner(nn.Identity(), scale=7.0, shrinkage=4.0, centring=2.0).double()
    centre = x.mean(axis=0) * 3 / (3 + 2)
    z, q = unit(x - centre), unit(query - centre)
    prototypes = np.stack([z[class_index == label].mean(axis=0) for label in range(3)])
    residuals = z - prototypes[class_index]
    scatter, freedom = residuals.T @ residuals, 12 - 3
    typical = np.trace(scatter) / (freedom * 5)
    precision = np.linalg.inv((4 * np.eye(5) + scatter / typical) / (4 + freedom))
    inner = q @ precision @ prototypes.T
    length = np.sqrt(np.diag(q @ precision @ q.T))[:, None] * np.sqrt(np.diag(prototypes @ precision @ prototypes.T))
    np.testing.assert_allclose(adapt_and_score(learner, x, class_index, query), 7 * inner / length, rtol=1e-6)


def test_one_item_a_class_leaves_the_metric_plain(task):
    x, _, query = task
    rows = np.array([0, 4, 8])
    learner = WhitenedLearner(nn.Identity(), scale=1.0, shrinkage=1.0, centring=3.0).double()
    centre = x[rows].mean(axis=0) / 2
    expected = unit(query - centre) @ unit(x[rows] - centre).T
    np.testing.assert_allclose(adapt_and_score(learner, x[rows], np.arange(3), query), expected, rtol=1e-6)


def test_a_direction_in_which_classes_spread_counts_less(task):
    x, class_index, query = task
    loud = query + np.eye(5)[0]

    def change(shrinkage):
        learner = WhitenedLearner(nn.Identity(), scale=1.0, shrinkage=shrinkage).double()
        before, after = (adapt_and_score(learner, x, class_index, rows) for rows in (query, loud))
        return np.abs(after - before).mean()

    assert change(1.0) < 0.8 * change(1e6)


def test_its_three_numbers_are_learned(task):
    x, class_index, _ = task
    learner = WhitenedLearner(nn.Identity()).double()
    items = torch.from_numpy(x)[None]
    support = Support(items, torch.from_numpy(class_index)[None], torch.ones(1, 12, dtype=items.dtype), 3)
    learner.logits(learner.adapt(support), items + 0.1).square().sum().backward()
    assert all(parameter.grad.abs() > 0 for parameter in learner.parameters())
    assert {name for name, _ in learner.named_parameters()} == {"log_scale", "log_shrinkage", "log_centring"}


@pytest.mark.parametrize("option", ["scale", "shrinkage", "centring"])
def test_numbers_of_zero_are_refused(option):
    with pytest.raises(ConfigError, match=f"{option}: expected a number over 0, got 0.0"):
        WhitenedLearner(nn.Identity(), **{option: 0.0})
