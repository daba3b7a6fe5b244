"""Multinomial logistic regression on soft, weighted targets.

    min_W,b  sum_i w_i * cross_entropy(t_i, softmax(x_i W + b)) + |W|^2 / (2 C)

scikit-learn's objective (the bias is not penalised), with a row of probabilities as the target instead
of one class, which self-training needs and scikit-learn does not take. Solved by L-BFGS in a basis in
which the curvature bound of Böhning is the identity.

Reference: Böhning 1992, "Multinomial logistic regression algorithm".
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize

CURVATURE_PAIRS = 5
LOSS_TOLERANCE = 1e-6


@dataclass(frozen=True)
class LinearHead:
    """A linear map from embeddings to logits."""

    weight: Float[np.ndarray, "dim n_way"]
    bias: Float[np.ndarray, " n_way"]

    def logits(self, x: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, "n n_way"]:
        """Score each row against each class."""
        return x @ self.weight + self.bias


def softmax(logits: Float[np.ndarray, "n n_way"]) -> Float[np.ndarray, "n n_way"]:
    """Turn logits into probabilities, row by row."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    shifted /= shifted.sum(axis=1, keepdims=True)
    return shifted


def fit_logistic(
    x: Float[np.ndarray, "n dim"],
    targets: Float[np.ndarray, "n n_way"],
    row_weight: Float[np.ndarray, " n"],
    *,
    c: float = 10.0,
    start: LinearHead | None = None,
    max_iter: int = 100,
    tolerance: float = 1e-4,
) -> LinearHead:
    """Fit a multinomial logistic regression to soft targets.

    Args:
        x: Embeddings.
        targets: Class probabilities of each row, summing to 1.
        row_weight: How much each row counts, at least 0.
        c: Inverse penalty, as in scikit-learn.
        start: Head to start from; zero when absent.
        max_iter: Bound on L-BFGS iterations.
        tolerance: Stop when no entry of the gradient, per unit of row weight, is above this.
    """
    n_way, total = targets.shape[1], float(row_weight.sum())
    mean = (row_weight @ x / total).astype(np.float32)
    problem = _precondition(x - mean, row_weight / total, penalty=1.0 / (c * total), n_way=n_way)
    initial = np.zeros((x.shape[1] + 1, n_way))
    if start is not None:
        initial[:-1] = problem.to_basis @ start.weight
        initial[-1] = start.bias + mean @ start.weight
    found = minimize(
        _loss_and_gradient,
        initial.ravel(),
        args=(problem, targets),
        jac=True,
        method="L-BFGS-B",
        options={
            "maxiter": max_iter,
            "gtol": tolerance / n_way,
            "ftol": LOSS_TOLERANCE,
            "maxcor": CURVATURE_PAIRS,
        },
    )
    solution = found.x.reshape(initial.shape).astype(np.float32)
    weight = problem.basis @ solution[:-1]
    return LinearHead(weight, solution[-1] - mean @ weight)


@dataclass(frozen=True)
class _Problem:
    rows: Float[np.ndarray, "n dim"]
    share: Float[np.ndarray, "n 1"]
    ridge: Float[np.ndarray, "dim 1"]
    basis: Float[np.ndarray, "dim dim"]
    to_basis: Float[np.ndarray, "dim dim"]


def _precondition(
    centred: Float[np.ndarray, "n dim"], share: Float[np.ndarray, " n"], *, penalty: float, n_way: int
) -> _Problem:
    scatter = (centred * share[:, None]).T @ centred
    value, vector = np.linalg.eigh(scatter.astype(np.float64))
    scale = 1.0 / np.sqrt(np.maximum(value, 0.0) / n_way + penalty)
    basis = (vector * scale).astype(np.float32)
    return _Problem(
        rows=(centred @ basis).astype(np.float32),
        share=share.astype(np.float32)[:, None],
        ridge=(penalty * scale**2).astype(np.float32)[:, None],
        basis=basis,
        to_basis=(vector / scale).T.astype(np.float32),
    )


def _loss_and_gradient(
    flat: Float[np.ndarray, " size"], problem: _Problem, targets: Float[np.ndarray, "n n_way"]
) -> tuple[float, Float[np.ndarray, " size"]]:
    dim, n_way = problem.rows.shape[1], targets.shape[1]
    parameters = flat.reshape(dim + 1, n_way).astype(np.float32)
    logits = problem.rows @ parameters[:-1]
    logits += parameters[-1]
    logits -= logits.max(axis=1, keepdims=True)
    probability = np.exp(logits)
    norm = probability.sum(axis=1, keepdims=True)
    # Targets sum to 1, so the log of the norm enters once a row.
    loss = float(problem.share[:, 0] @ (np.log(norm[:, 0]) - np.einsum("ij,ij->i", targets, logits)))
    probability /= norm
    probability -= targets
    probability *= problem.share
    gradient = np.empty((dim + 1, n_way))
    gradient[:-1] = problem.rows.T @ probability + problem.ridge * parameters[:-1]
    gradient[-1] = probability.sum(axis=0)
    return loss + 0.5 * float((problem.ridge * parameters[:-1] ** 2).sum()), gradient.ravel()
