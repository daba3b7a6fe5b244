"""One prototype a class: the mean of its rows, compared by cosine after centring on the source.

    logits_c(x) = scale * cos(x - m, prototype_c)

Deviations from prototypical networks: cosine for squared Euclidean distance, rows centred on the
source's mean, which removes what all its rows share, and soft, weighted targets.

Reference: Snell, Swersky, Zemel 2017, "Prototypical Networks", arXiv:1703.05175; centring: Wang et al.
2019, "SimpleShot", arXiv:1911.04623.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

SCALE = 12.0
"""Of the cosine, so that the softmax is about calibrated on sentence embeddings before it is tuned."""


@dataclass(frozen=True)
class PrototypeHead:
    """Cosine to one prototype a class.

    Args:
        centre: Mean of the source, subtracted from every row.
        prototypes: Of unit length, centred.
        scale: Of the cosine.
    """

    centre: Float[np.ndarray, " dim"]
    prototypes: Float[np.ndarray, "n_way dim"]
    scale: float

    def logits(self, x: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, "n n_way"]:
        """Score each row against each class."""
        return np.float32(self.scale) * (_unit(x - self.centre) @ self.prototypes.T)


def fit_prototypes(
    x: Float[np.ndarray, "n dim"],
    targets: Float[np.ndarray, "n n_way"],
    row_weight: Float[np.ndarray, " n"],
    centre: Float[np.ndarray, " dim"],
    scale: float = SCALE,
) -> PrototypeHead:
    """Average the centred rows of each class.

    Args:
        x: Embeddings.
        targets: Class of each row, one-hot or soft.
        row_weight: How much each row counts.
        centre: Mean of the source.
        scale: Of the cosine.
    """
    sums = (targets * row_weight[:, None]).T @ _unit(x - centre)
    return PrototypeHead(centre, _unit(sums), scale)


def _unit(rows: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, "n dim"]:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-8)


def leave_one_out_prototypes(
    x: Float[np.ndarray, "n dim"], class_index: Int[np.ndarray, " n"], centre: Float[np.ndarray, " dim"]
) -> Int[np.ndarray, " n"]:
    """Class of the nearest prototype of each row, its own prototype made without it.

    Returns:
        Predicted classes; -1 where the row is its class's only one.
    """
    unit = _unit(x - centre)
    sums = np.eye(int(class_index.max()) + 1, dtype=np.float32)[class_index].T @ unit
    cosine = unit @ _unit(sums).T
    without = sums[class_index] - unit
    own = np.arange(len(x))
    cosine[own, class_index] = np.einsum("nd,nd->n", unit, _unit(without))
    alone = np.bincount(class_index)[class_index] == 1
    return np.where(alone, -1, cosine.argmax(axis=1))
