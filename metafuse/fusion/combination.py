"""What a combination of experts is, and how it fares on rows it was not fitted to."""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

N_PARTS = 5
FEWEST_ROWS = 20
"""Held-out rows below which nothing but the product of experts is fitted to them."""

Said = Sequence[Float[np.ndarray, "n n_way"]]
"""Log-probabilities, one matrix per expert; rows of zeros where it has nothing to say."""


@runtime_checkable
class Combination(Protocol):
    """Makes one prediction of several; a frozen dataclass of plain values, so that it can be saved."""

    def combine(self, said: Said) -> Float[np.ndarray, "n n_way"]:
        """Return log-probabilities; uniform where no expert says anything."""
        ...


FitCombination = Callable[[Said, Int[np.ndarray, " n"], int], Combination]
"""Fits a combination to experts' held-out predictions, the classes of the rows, and a seed."""


def combine_across(
    fit: FitCombination, said: Said, class_index: Int[np.ndarray, " n"], seed: int
) -> Float[np.ndarray, "n n_way"]:
    """Combine each part of the rows by what was fitted to the others."""
    part = np.random.default_rng(seed).permutation(len(class_index)) % N_PARTS
    combined = np.zeros_like(said[0])
    for number in range(N_PARTS):
        inside, outside = part == number, part != number
        fitted = fit([matrix[outside] for matrix in said], class_index[outside], seed)
        combined[inside] = fitted.combine([matrix[inside] for matrix in said])
    return combined


def centre(log_probabilities: Float[np.ndarray, "n n_way"]) -> Float[np.ndarray, "n n_way"]:
    """Subtract each row's mean, so that what says nothing is zero everywhere."""
    return log_probabilities - log_probabilities.mean(axis=1, keepdims=True)
