"""The plain baseline of filling: an absent block is the source's mean."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from metafuse.crossmodal.base import Codes


@dataclass(frozen=True)
class MeanTranslator:
    """Predicts the mean, which is zero in codes."""

    def predict(self, codes: Codes) -> Float[np.ndarray, "n dim"]:
        """Predict zeros."""
        return np.zeros_like(codes.values)


def fit_mean(codes: Codes, *, seed: int) -> MeanTranslator:
    """Build it; there is nothing to fit.

    Args:
        codes: Rows of the source.
        seed: Nothing is drawn.
    """
    return MeanTranslator()
