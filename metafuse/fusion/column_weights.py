"""Weights of columns from the labels of a source: those under which its labelled rows find each other.

    minimise over d:   sum_i -log p_i(class of i) + pull * |d|^2,     p_i = softmax( SCALE * cos(x_i, prototype_c) )

where x_i weighs column k by exp(d_k), on top of the weights it comes with, and the prototype of a row's own class is
made without that row. With few labels the pull keeps the weights where they were; with one label a class there is
nothing to hold out, and they stay.

All three sums in the cosine are linear in the weights, so that a fit costs n_columns * n_rows * n_way a step.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import minimize

SCALE = 15.0
PULL = 1.0
"""Cost of a log-weight of 1, in log loss of one row."""

MOST_ROWS = 2000
"""Labelled rows that are looked at."""


def fit_column_weights(
    blocks: Sequence[Float[np.ndarray, "n _"]], class_index: Int[np.ndarray, " n"], *, pull: float = PULL, seed: int = 0
) -> Float[np.ndarray, " n_columns"]:
    """Fit log-weights of columns to labelled rows.

    Args:
        blocks: Features of each column as weighed so far; a row of zeros where an item lacks the column.
        class_index: Class of each row, 0 or more.
        pull: Cost of a squared log-weight.
        seed: Draws the rows that are looked at where there are many.
    Returns:
        Log-weights to add, with mean 0; zeros where every class has one row, or there are fewer than two columns.
    """
    if len(class_index) > MOST_ROWS:
        drawn = np.sort(np.random.default_rng(seed).permutation(len(class_index))[:MOST_ROWS])
        blocks, class_index = [block[drawn] for block in blocks], class_index[drawn]
    kept, class_index = np.unique(class_index, return_inverse=True)
    can_hold_out = np.bincount(class_index, minlength=len(kept))[class_index] > 1
    if len(blocks) < 2 or len(kept) < 2 or not can_hold_out.any():
        return np.zeros(len(blocks), dtype=np.float32)
    near, square, own = _linear_parts(blocks, class_index, len(kept))
    near, square, own, truth = near[:, can_hold_out], square[:, can_hold_out], own[:, can_hold_out], class_index
    truth = truth[can_hold_out]

    def loss(shift: np.ndarray) -> tuple[float, np.ndarray]:
        weight = np.exp(shift)
        dot, length, norm = (np.tensordot(weight, part, axes=1) for part in (near, square, own))
        length, norm = np.maximum(length, 1e-9), np.maximum(norm, 1e-9)[:, None]
        logits = SCALE * dot / np.sqrt(length * norm)
        logs = logits - logits.max(axis=1, keepdims=True)
        logs -= np.log(np.exp(logs).sum(axis=1, keepdims=True))
        residual = np.exp(logs)
        residual[np.arange(len(truth)), truth] -= 1
        gradient = np.array(
            [
                (residual * (SCALE * a / np.sqrt(length * norm) - logits / 2 * (b / length + c[:, None] / norm))).sum()
                for a, b, c in zip(near, square, own, strict=True)
            ]
        )
        missed = -logs[np.arange(len(truth)), truth].sum()
        return float(missed + pull * shift @ shift), weight * gradient + 2 * pull * shift

    found = minimize(loss, np.zeros(len(blocks)), jac=True, method="L-BFGS-B").x
    return (found - found.mean()).astype(np.float32)


def _linear_parts(
    blocks: Sequence[Float[np.ndarray, "n _"]], class_index: Int[np.ndarray, " n"], n_way: int
) -> tuple[
    Float[np.ndarray, "n_columns n n_way"], Float[np.ndarray, "n_columns n n_way"], Float[np.ndarray, "n_columns n"]
]:
    """Of each column: products of rows with prototypes, squared lengths of prototypes, squared lengths of rows."""
    rows = np.arange(len(class_index))
    length = np.sqrt(np.maximum(sum(np.square(block, dtype=np.float64).sum(axis=1) for block in blocks), 1e-12))
    near, square, own = [], [], []
    for block in blocks:
        unit = block / length[:, None]
        total = np.zeros((n_way, block.shape[1]))
        np.add.at(total, class_index, unit)
        without = total[class_index] - unit
        products = unit @ total.T
        products[rows, class_index] = (unit * without).sum(axis=1)
        lengths = np.tile((total**2).sum(axis=1), (len(rows), 1))
        lengths[rows, class_index] = (without**2).sum(axis=1)
        near.append(products)
        square.append(lengths)
        own.append((unit**2).sum(axis=1))
    return np.stack(near), np.stack(square), np.stack(own)
