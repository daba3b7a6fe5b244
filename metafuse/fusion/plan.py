"""What a fusion asks of adaptation: which experts there are, and how what they say becomes one prediction."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from metafuse.fusion.combination import FitCombination

PRODUCT = "product"
"""Name of the weighted product of all experts, which every plan has and which stands where labels are too few to
tell more."""


@dataclass(frozen=True)
class FusionPlan:
    """Experts and their combination.

    Args:
        fused: An expert on the early fusion of all modalities.
        by_modality: An expert per modality.
        attention: The fused expert's embedding weighs columns by `fit_attention_fusion`, not modalities.
        graph: An expert on one neighbour graph per modality, fused.
        blocks: Heads, "gated" or "bilinear", trained on the modalities' blocks side by side, as one more expert.
        combinations: Name -> how held-out predictions are fitted to one; the product of experts where none.
        chooses: Whether the product and the combinations compete on held-out labels; else the one combination stands.
    """

    fused: bool = True
    by_modality: bool = True
    attention: bool = False
    graph: bool = False
    blocks: str | None = None
    combinations: Mapping[str, FitCombination] = field(default_factory=dict)
    chooses: bool = False
