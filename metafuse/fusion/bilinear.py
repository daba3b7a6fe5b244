"""Low-rank bilinear fusion: products of projections of pairs of modalities, added to a linear classifier.

    logits(x) = W x + b + sum_{m < n} V_mn ( (P_m x_m) o (P_n x_n) )

V starts at zero, where the classifier is logistic regression on the plain weighted concatenation; a penalty holds it
there. An item that lacks a modality lacks its products.

Reference: Ben-younes et al. 2017, "MUTAN", arXiv:1705.06676; Liu et al. 2018, "Efficient Low-rank Multimodal Fusion",
arXiv:1806.00064. Deviations: pairs only; one projection a modality shared by its pairs; the products are a residual.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float

from metafuse.fusion.block_training import train_blocks
from metafuse.fusion.plan import FusionPlan

RANK = 16
PRODUCT_SCALE = 8.0
"""Brings products of unit vectors' projections to the size of the vectors' own entries: one penalty fits both."""


@dataclass(frozen=True)
class BilinearHead:
    """A linear classifier with products of modalities.

    Args:
        projection: P of each modality, below each other.
        widths: Of the modalities' blocks.
        product_weight: V, pair after pair.
        weight: W.
        bias: b.
    """

    projection: Float[np.ndarray, "dim rank"]
    widths: tuple[int, ...]
    product_weight: Float[np.ndarray, "n_products n_way"]
    weight: Float[np.ndarray, "dim n_way"]
    bias: Float[np.ndarray, " n_way"]

    def logits(self, x: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, "n n_way"]:
        """Score each row against each class."""
        ends = np.cumsum(self.widths)
        projected = [
            x[:, end - width : end] @ self.projection[end - width : end]
            for width, end in zip(self.widths, ends, strict=True)
        ]
        products = np.concatenate([first * second for first, second in combinations(projected, 2)], axis=1)
        return x @ self.weight + self.bias + np.float32(PRODUCT_SCALE) * products @ self.product_weight


def fit_products(
    x: Float[np.ndarray, "n dim"],
    targets: Float[np.ndarray, "n n_way"],
    row_weight: Float[np.ndarray, " n"],
    *,
    weight: Float[np.ndarray, "dim n_way"],
    bias: Float[np.ndarray, " n_way"],
    widths: Sequence[int],
    seed: int,
) -> BilinearHead:
    """Train products of at least two modalities on top of a linear classifier.

    Args:
        x: Embeddings, block after block.
        targets: Class probabilities.
        row_weight: How much each row counts.
        weight: Of the classifier to start from.
        bias: Of the same.
        widths: Of the blocks.
        seed: Draws the projections to start from and the blocks left out in training.
    """
    import torch

    pairs = list(combinations(range(len(widths)), 2))
    generator = np.random.default_rng(seed)
    drawn = [generator.standard_normal((width, RANK)) / np.sqrt(RANK) for width in widths]

    def logits(rows, projection, product_weight, weight, bias):  # type: ignore[no-untyped-def]
        blocks = zip(rows.split(list(widths), dim=1), projection.split(list(widths)), strict=True)
        projected = [block @ own for block, own in blocks]
        products = torch.cat([projected[first] * projected[second] for first, second in pairs], dim=1)
        return rows @ weight + bias + PRODUCT_SCALE * products @ product_weight

    start = {
        "projection": np.concatenate(drawn).astype(np.float32),
        "product_weight": np.zeros((len(pairs) * RANK, targets.shape[1]), dtype=np.float32),
        "weight": weight,
        "bias": bias,
    }
    found = train_blocks(start, logits, (x, targets, row_weight), widths, seed)
    return BilinearHead(found["projection"], tuple(widths), found["product_weight"], found["weight"], found["bias"])


def bilinear() -> FusionPlan:
    """An expert with products of modalities beside one per modality and one on all of them."""
    return FusionPlan(blocks="bilinear")
