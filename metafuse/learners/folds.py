"""Which labelled rows are held out together, so that each is judged by a fit that has not seen it."""

import numpy as np
from jaxtyping import Int


def assign_folds(
    class_index: Int[np.ndarray, " n_support"], n_folds: int, generator: np.random.Generator
) -> Int[np.ndarray, " n_support"]:
    """Spread the rows of each class evenly over the folds.

    A class with fewer rows than folds is held out in some folds only, and never as a whole. With k labels
    in every class and k folds, each fold leaves out one row a class.

    Returns:
        Fold of each row; -1 where its class has no other row.
    """
    fold = np.full(len(class_index), -1, dtype=np.int64)
    counts = np.bincount(class_index)
    for index in np.flatnonzero(counts >= 2):
        rows = generator.permutation(np.flatnonzero(class_index == index))
        fold[rows] = (np.arange(len(rows)) + generator.integers(n_folds)) % n_folds
    return fold
