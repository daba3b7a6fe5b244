import numpy as np
from sklearn.linear_model import LogisticRegression

from metafuse.fusion.stacking import INVERSE_PENALTY, StackedExperts, fit_stacking


def test_scores_by_hand():
    said = [np.log([[0.5, 0.25, 0.25]]).astype(np.float32)]
    logs = np.log([0.5, 0.25, 0.25])
    logits = 2 * (1.0 * (logs - logs.mean()) + 0.5 * (np.array([0.5, 0.25, 0.25]) - 1 / 3))
    expected = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(np.exp(StackedExperts((1.0,), (0.5,), 2.0).combine(said))[0], expected, rtol=1e-5)


def test_coefficients_are_those_of_scikit_learn(experts):
    said, truth = experts(60)
    found = fit_stacking(said, truth, 0)
    rows = []
    for row in range(60):
        for label in range(3):
            pairs = [(logs[row, label] - logs[row].mean(), np.exp(logs[row, label]) - 1 / 3) for logs in said]
            rows.append(np.ravel(pairs))
    expected = LogisticRegression(C=INVERSE_PENALTY, max_iter=500).fit(rows, np.eye(3)[truth].ravel()).coef_[0]
    np.testing.assert_allclose(np.ravel(list(zip(found.log_weights, found.weights, strict=True))), expected, atol=1e-2)
