"""Unit-length rows, and the centres of groups of them, as every cosine needs them."""

import numpy as np
from jaxtyping import Float, Int


def unit_rows(matrix: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, "n dim"]:
    """Divide each row by its length; a zero row stays zero. float32."""
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.divide(matrix, lengths, out=np.zeros_like(matrix, dtype=np.float32), where=lengths > 0)


def unit_centres(
    rows: Float[np.ndarray, "n dim"], assignment: Int[np.ndarray, " n"], n_groups: int
) -> Float[np.ndarray, "n_groups dim"]:
    """Mean of each group's rows, at unit length; zero for an empty group. Rows of groups below 0 are left out."""
    from scipy.sparse import csr_array

    kept = np.flatnonzero(assignment >= 0)
    belongs = csr_array((np.ones(len(kept), dtype=np.float32), (assignment[kept], kept)), shape=(n_groups, len(rows)))
    return unit_rows(belongs @ rows)
