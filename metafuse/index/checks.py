"""What every matrix must be before it goes into an index or a neighbour search."""

import numpy as np
from jaxtyping import Float

from metafuse.errors import ConfigError, ShapeError


def checked(name: str, matrix: Float[np.ndarray, "..."], dim: int | None = None) -> Float[np.ndarray, "n dim"]:
    """Return the matrix as contiguous float32.

    Args:
        name: What the matrix is, for messages.
        matrix: One row per item.
        dim: How many columns it must have; None for any.
    Raises:
        ShapeError: not two-dimensional, another dimension, or a value that is not finite.
    """
    if matrix.ndim != 2:
        raise ShapeError(f"{name}: expected a matrix with one row per item, got shape {matrix.shape}. Reshape it.")
    if dim is not None and matrix.shape[1] != dim:
        raise ShapeError(
            f"{name}: expected {dim} dimensions, got {matrix.shape[1]}. Embed with the model that built the index."
        )
    bad = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
    if len(bad):
        raise ShapeError(
            f"{name}: expected finite values, got NaN or infinity in {len(bad)} of {len(matrix)} rows, the first at "
            f"position {bad[0]}. Replace or drop these rows."
        )
    return np.ascontiguousarray(matrix, dtype=np.float32)


def check_k(k: int) -> None:
    """Refuse a number of neighbours below one.

    Raises:
        ConfigError: k is below 1.
    """
    if k < 1:
        raise ConfigError(f"k must be at least 1, got {k}. Ask for one neighbour or more.")
