"""Relation network: how much a query and a class belong together is learned, on top of a cosine.

    logits_c(x) = scale * cos(f(x), prototype_c) + mean over coordinates j of g( |u_j - v_j|, u_j v_j )
    u = f(x) sqrt(dim) / |f(x)|,    v = prototype_c sqrt(dim) / |prototype_c|

Deviations: the learned relation g is a residual that starts at zero; it looks at differences and products of
coordinates, not at the two embeddings side by side; it is shared by all coordinates, as the paper's convolutions are
by all positions, and so fits a backbone of any dimension; a class is the weighted mean of its items, not their sum;
trained with cross entropy, not with squared error to 0 and 1.

Reference: Sung, Yang, Zhang, Xiang, Torr, Hospedales 2018, "Learning to Compare: Relation Network for Few-Shot
Learning", arXiv:1711.06025.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from metafuse.episodes.batch import EpisodeBatch, Items, Support
from metafuse.errors import ConfigError
from metafuse.learners.episodic import State, class_mask, class_means, embed_batch, embed_items, mask_logits, query_loss
from metafuse.learners.metric.similarity import full_precision, log_parameter, widen

CHUNK = {"cpu": 2**18, "other": 2**26}
"""Numbers compared at a time: what stays in a processor's cache (10 x as fast), and what fits any GPU."""


class RelationNetworkLearner(nn.Module):
    """Trains a backbone and a comparison of items with class means.

    Args:
        backbone: Embeds items.
        hidden: Units of the relation's hidden layer; memory grows with n_query * n_way * dim * hidden.
        scale: Of the cosines; over 0, trained too.
        seed: Draws the hidden layer.
    Raises:
        ConfigError: no hidden unit, or a scale of 0 or less.
    """

    adapts_backbone = False

    def __init__(self, backbone: nn.Module, *, hidden: int = 8, scale: float = 10.0, seed: int = 0) -> None:
        super().__init__()
        if hidden < 1:
            raise ConfigError(f"hidden: expected 1 unit or more, got {hidden}. 8 is usual.")
        self.backbone = backbone
        self.log_scale = log_parameter("scale", scale)
        self.inward = nn.Parameter(torch.randn(2, hidden, generator=torch.Generator().manual_seed(seed)))
        self.bias = nn.Parameter(torch.zeros(hidden))
        self.outward = nn.Parameter(torch.zeros(hidden))

    def adapt(self, support: Support) -> State:
        """Average the support embeddings of each class; see `EpisodicLearner.adapt`."""
        return self._fit(embed_items(self.backbone, support.items), support)

    def logits(self, state: State, query: Items) -> Float[Tensor, "n_tasks n_query n_way"]:
        """Score query items by their relation to each class."""
        return self._compare(state, embed_items(self.backbone, query))

    def loss(self, batch: EpisodeBatch) -> tuple[Float[Tensor, ""], Float[Tensor, "n_tasks n_query n_way"]]:
        """Cross entropy of the query items."""
        support, query = embed_batch(self.backbone, batch)
        logits = self._compare(self._fit(support, batch.support), query)
        return query_loss(logits, batch), logits

    def relation(
        self, x: Float[Tensor, "n_tasks n_query dim"], prototypes: Float[Tensor, "n_tasks n_way dim"]
    ) -> Float[Tensor, "n_tasks n_query n_way"]:
        """Compute the learned part of the logits.

        Args:
            x: Query embeddings, L2-normalised.
            prototypes: Class means, L2-normalised.
        """
        limit = CHUNK["cpu" if x.device.type == "cpu" else "other"]
        n_rows = max(1, limit // max(1, prototypes.numel()))
        return torch.cat([self._relate(rows, prototypes) for rows in x.split(n_rows, dim=1)], dim=1)

    def _fit(self, embedding: Float[Tensor, "n_tasks n_support dim"], support: Support) -> State:
        with full_precision(embedding):
            prototypes = class_means(widen(embedding), support)
        return {"prototypes": prototypes, "class_mask": class_mask(support)}

    def _compare(
        self, state: State, embedding: Float[Tensor, "n_tasks n_query dim"]
    ) -> Float[Tensor, "n_tasks n_query n_way"]:
        with full_precision(embedding):
            x, prototypes = (nn.functional.normalize(each, dim=-1) for each in (widen(embedding), state["prototypes"]))
            logits = self.log_scale.exp() * (x @ prototypes.mT) + self.relation(x, prototypes)
        return mask_logits(logits, state["class_mask"])

    def _relate(
        self, x: Float[Tensor, "n_tasks n_query dim"], prototypes: Float[Tensor, "n_tasks n_way dim"]
    ) -> Float[Tensor, "n_tasks n_query n_way"]:
        dim = x.shape[-1]
        x, prototypes = x.unsqueeze(2), prototypes.unsqueeze(1)
        # Coordinates of size about 1 whatever the dimension.
        difference = (x - prototypes).abs() * dim**0.5  # (n_tasks, n_query, n_way, dim)
        product = x * prototypes * dim
        units = [
            weight * torch.relu(difference * inward[0] + product * inward[1] + bias).mean(-1)
            for weight, inward, bias in zip(self.outward, self.inward.T, self.bias, strict=True)
        ]
        return torch.stack(units).sum(0)
