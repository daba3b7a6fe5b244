"""`auto`: every head in every view, mixed by how they do on held-out labels.

Each modality gets an expert, and so does the early fusion of all of them. An expert mixes logistic regression, LDA,
prototypes, self-training and neighbours; the product mixes the experts. With labels to hold out, both sets of weights
minimise the log loss on them; below that, head weights are constants and experts are weighed by agreement with the one
that knows the class names. An expert whose mix is behind its plain logistic regression falls back to it.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Int

from metafuse.features import Features
from metafuse.fusion.base import Fusion
from metafuse.fusion.plan import FusionPlan
from metafuse.learners.heads import lda_head, logistic_head, neighbour_head, prototype_head, self_trained_head
from metafuse.learners.mixture import Mixture
from metafuse.learners.policy import Policy, load_policy
from metafuse.learners.product import ONE_VIEW, fit_mixture

HEADS = (logistic_head, lda_head, prototype_head, self_trained_head, neighbour_head)
PRIOR = (0.3, 0.0, 0.0, 0.6, 0.6)
"""Best on held-out rows of the pools of CLINC150 and BANKING77, for both alike; where labels are few these rule."""


class AutoLearner:
    """Adapts a product of experts over views.

    Args:
        fusion: Embeds the items, and judges what is unknown.
        views: Name -> fusion of one modality (and "fused" to make an expert of `fusion` as well); none for one expert.
        seed: Decides which labels are held out together.
        device: "auto", "cpu" or "cuda", for neighbour searches.
        policy: Chooses the numbers each view is adapted with; the one that ships with the package when None.
        plan: Further experts, and how all are combined; their weighted product when None.
    """

    def __init__(
        self,
        fusion: Fusion,
        *,
        views: Mapping[str, Fusion] | None = None,
        seed: int = 0,
        device: str = "auto",
        policy: Policy | None = None,
        plan: FusionPlan | None = None,
    ) -> None:
        self._fusion, self._views, self._seed, self._device = fusion, dict(views or {}), seed, device
        self._policy = load_policy() if policy is None else policy
        self._plan = ONE_VIEW if plan is None else plan

    def adapt(
        self,
        support: Features,
        class_index: Int[np.ndarray, " n_support"],
        *,
        pool: Features | None = None,
        class_shots: Features | None = None,
    ) -> Mixture:
        """Adapt to labelled items; see `Learner.adapt`."""
        # Without a pool nothing propagates, and on BANKING77 the mix stays half a point behind the plain head.
        heads, prior = (HEADS, PRIOR) if pool is not None and len(pool) else ((logistic_head,), (1.0,))
        return fit_mixture(
            self._fusion, self._views, heads, prior,
            support=support, class_index=class_index, pool=pool, class_shots=class_shots,
            policy=self._policy, plan=self._plan, seed=self._seed, device=self._device,
        )  # fmt: skip
