"""Gated fusion: each modality's block is scaled by a gate that the item itself sets.

    g_m(x) = 2 sigmoid(a_m + u_m . x),    logits(x) = W normalise([ g_m(x) x_m ]) + b

u and a start at zero, where every gate is one and the classifier is logistic regression on the plain weighted
concatenation; a penalty holds them there.

Reference: Arevalo et al. 2017, "Gated Multimodal Units", arXiv:1702.01992. Deviations: gates scale the modalities'
blocks where they are, with no hidden layer between; they are centred on one; the classifier is trained with them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from metafuse.fusion.block_training import train_blocks
from metafuse.fusion.blocks import indicator
from metafuse.fusion.early import normalise
from metafuse.fusion.plan import FusionPlan


@dataclass(frozen=True)
class GatedHead:
    """Gates and a linear classifier.

    Args:
        gate_weight: u, a column a modality.
        gate_bias: a.
        places: Which dimensions belong to which modality.
        weight: W.
        bias: b.
    """

    gate_weight: Float[np.ndarray, "dim n_blocks"]
    gate_bias: Float[np.ndarray, " n_blocks"]
    places: Float[np.ndarray, "n_blocks dim"]
    weight: Float[np.ndarray, "dim n_way"]
    bias: Float[np.ndarray, " n_way"]

    def gates(self, x: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, "n n_blocks"]:
        """Factor of each modality, 0..2."""
        return 1 + np.tanh((x @ self.gate_weight + self.gate_bias) / 2)

    def logits(self, x: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, "n n_way"]:
        """Score each row against each class."""
        return normalise(x * (self.gates(x) @ self.places)) @ self.weight + self.bias


def fit_gates(
    x: Float[np.ndarray, "n dim"],
    targets: Float[np.ndarray, "n n_way"],
    row_weight: Float[np.ndarray, " n"],
    *,
    weight: Float[np.ndarray, "dim n_way"],
    bias: Float[np.ndarray, " n_way"],
    widths: Sequence[int],
    seed: int,
) -> GatedHead:
    """Train gates on top of a linear classifier.

    Args:
        x: Embeddings, block after block.
        targets: Class probabilities.
        row_weight: How much each row counts.
        weight: Of the classifier to start from.
        bias: Of the same.
        widths: Of the blocks.
        seed: Draws the blocks left out in training.
    """
    import torch

    places = indicator(widths)
    spread = torch.from_numpy(places)

    def logits(rows, gate_weight, gate_bias, weight, bias):  # type: ignore[no-untyped-def]
        gates = 2 * torch.sigmoid(rows @ gate_weight + gate_bias)
        return torch.nn.functional.normalize(rows * (gates @ spread), dim=1) @ weight + bias

    start = {
        "gate_weight": np.zeros((x.shape[1], len(widths)), dtype=np.float32),
        "gate_bias": np.zeros(len(widths), dtype=np.float32),
        "weight": weight,
        "bias": bias,
    }
    found = train_blocks(start, logits, (x, targets, row_weight), widths, seed)
    return GatedHead(found["gate_weight"], found["gate_bias"], places, found["weight"], found["bias"])


def gated() -> FusionPlan:
    """An expert with gates beside one per modality and one on all of them."""
    return FusionPlan(blocks="gated")
