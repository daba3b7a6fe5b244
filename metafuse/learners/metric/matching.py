"""Matching networks: a query takes the class of the support items it attends to.

    a_i(x) = softmax_i( scale * cos(f(x), f(x_i)) ),     logits_c(x) = log sum of w_i a_i(x) over the items of class c

so their softmax is the paper's P(y | x, S), its eq. 1.

Deviations: with unequal shots a class counts by the mean attention to its items, as the sum favours classes with many
(20 intents of CLINC150 with 1 to 10 items each: 93.3 % right, 85.2 % without; with equal shots it is the same); the
full-context embeddings (LSTMs that read the support set, section 2.1.2) are left out, f is one shared backbone for
support and query; the cosine has a scale (1 in the paper, where attention is nearly even); support items may be
weighted.

Reference: Vinyals, Blundell, Lillicrap, Kavukcuoglu, Wierstra 2016, "Matching Networks for One Shot Learning",
arXiv:1606.04080.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from metafuse.episodes.batch import EpisodeBatch, Items, Support
from metafuse.learners.episodic import (
    ABSENT_LOGIT,
    State,
    class_mask,
    embed_batch,
    embed_items,
    mask_logits,
    query_loss,
)
from metafuse.learners.metric.similarity import cosines, full_precision, log_parameter, widen


class MatchingNetworkLearner(nn.Module):
    """Trains a backbone so that items attend to those of their class.

    Args:
        backbone: Embeds items.
        scale: Of the cosines; over 0.
        learn_scale: Train the scale too.
        balance: Compare classes by the mean attention to their items; otherwise by the sum.
    Raises:
        ConfigError: a scale of 0 or less.
    """

    adapts_backbone = False

    def __init__(
        self, backbone: nn.Module, *, scale: float = 10.0, learn_scale: bool = False, balance: bool = True
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.balance = balance
        self.log_scale = log_parameter("scale", scale, learn=learn_scale)

    def adapt(self, support: Support) -> State:
        """Keep the support embeddings; see `EpisodicLearner.adapt`."""
        return self._fit(embed_items(self.backbone, support.items), support)

    def logits(self, state: State, query: Items) -> Float[Tensor, "n_tasks n_query n_way"]:
        """Score query items by the attention each class gets."""
        return self._compare(state, embed_items(self.backbone, query))

    def loss(self, batch: EpisodeBatch) -> tuple[Float[Tensor, ""], Float[Tensor, "n_tasks n_query n_way"]]:
        """Cross entropy of the query items."""
        support, query = embed_batch(self.backbone, batch)
        logits = self._compare(self._fit(support, batch.support), query)
        return query_loss(logits, batch), logits

    def _fit(self, embedding: Float[Tensor, "n_tasks n_support dim"], support: Support) -> State:
        targets = support.targets()
        if self.balance:
            targets = targets / targets.sum(1, keepdim=True).clamp(min=torch.finfo(targets.dtype).tiny)
        log_weight = targets.clamp(min=torch.finfo(targets.dtype).tiny).log()
        return {
            "support": widen(embedding),
            "log_weight": log_weight.masked_fill(targets == 0, ABSENT_LOGIT),  # (n_tasks, n_support, n_way)
            "class_mask": class_mask(support),
        }

    def _compare(
        self, state: State, embedding: Float[Tensor, "n_tasks n_query dim"]
    ) -> Float[Tensor, "n_tasks n_query n_way"]:
        with full_precision(embedding):
            attention = self.log_scale.exp() * cosines(widen(embedding), state["support"])
            # Logarithms throughout: a class far away keeps its gradient. Class by class, to bound memory.
            per_class = [
                (attention + log_weight.unsqueeze(1)).logsumexp(-1) for log_weight in state["log_weight"].unbind(-1)
            ]
        return mask_logits(torch.stack(per_class, -1).log_softmax(-1), state["class_mask"])
