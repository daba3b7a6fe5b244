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
    classes, firsts, counts = np.unique(class_index, return_index=True, return_counts=True)
    # In order of first appearance, so that renumbering the classes changes no fold.
    for place in np.argsort(firsts):
        if counts[place] < 2:
            continue
        rows = generator.permutation(np.flatnonzero(class_index == classes[place]))
        fold[rows] = (np.arange(len(rows)) + generator.integers(n_folds)) % n_folds
    return fold
