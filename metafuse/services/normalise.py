"""Unit-length rows, as every cosine needs them."""

import numpy as np
from jaxtyping import Float


def unit_rows(matrix: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, "n dim"]:
    """Divide each row by its length; a zero row stays zero. float32."""
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.divide(matrix, lengths, out=np.zeros_like(matrix, dtype=np.float32), where=lengths > 0)
