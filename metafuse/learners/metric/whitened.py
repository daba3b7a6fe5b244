"""Whitened prototypes: nearest prototype after centring on the support set, in its own within-class metric.

    z = (f(x) - m) / |f(x) - m|,     m = n / (n + c) * weighted mean of the support embeddings, n classes
    S = sum_i w_i (z_i - p_{y_i}) (z_i - p_{y_i})',     d = sum_i w_i - n,     t = tr S / (d * dim)
    logits_c(x) = scale * cos(z, p_c) under the inner product <a, b> = a' ((kappa I + S / t) / (kappa + d))^-1 b

With one item a class d = 0 and the metric is plain; with more, directions in which classes spread count less. Three
numbers are learned over episodes: scale, kappa (how many items the plain metric is worth) and c (how many classes the
source's centre is worth). Centring on the support set adds a point at one shot on intents, whitening two at five.

Deviations: the first two papers use one fixed or fully learned metric; here it is estimated per task, shrunk to the
plain one, and applied to normalised rows.

Reference: Mensink et al. 2013, "Distance-Based Image Classification: Generalizing to New Classes at Near-Zero Cost";
Wang et al. 2019, "SimpleShot", arXiv:1911.04623 (centring); Ledoit, Wolf 2004 (shrinkage).
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from metafuse.episodes.batch import EpisodeBatch, Items, Support
from metafuse.learners.episodic import State, class_mask, class_means, embed_batch, embed_items, mask_logits, query_loss
from metafuse.learners.metric.similarity import full_precision, log_parameter, widen


class WhitenedLearner(nn.Module):
    """Compares with prototypes in the support set's own metric.

    Args:
        backbone: Embeds items.
        scale: Of the cosine, at the start; over 0.
        shrinkage: kappa at the start; over 0.
        centring: c at the start; over 0.
    Raises:
        ConfigError: one of them is 0 or less.
    """

    adapts_backbone = False

    def __init__(
        self, backbone: nn.Module, *, scale: float = 15.0, shrinkage: float = 1000.0, centring: float = 10.0
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.log_scale = log_parameter("scale", scale, learn=True)
        self.log_shrinkage = log_parameter("shrinkage", shrinkage, learn=True)
        self.log_centring = log_parameter("centring", centring, learn=True)

    def adapt(self, support: Support) -> State:
        """Estimate centre, prototypes and metric; see `EpisodicLearner.adapt`."""
        return self._fit(embed_items(self.backbone, support.items), support)

    def logits(self, state: State, query: Items) -> Float[Tensor, "n_tasks n_query n_way"]:
        """Score query items by closeness to each prototype."""
        return self._compare(state, embed_items(self.backbone, query))

    def loss(self, batch: EpisodeBatch) -> tuple[Float[Tensor, ""], Float[Tensor, "n_tasks n_query n_way"]]:
        """Cross entropy of the query items."""
        support, query = embed_batch(self.backbone, batch)
        logits = self._compare(self._fit(support, batch.support), query)
        return query_loss(logits, batch), logits

    def _fit(self, embedding: Float[Tensor, "n_tasks n_support dim"], support: Support) -> State:
        with full_precision(embedding):
            return self._estimate(widen(embedding), support)

    def _estimate(self, embedding: Float[Tensor, "n_tasks n_support dim"], support: Support) -> State:
        present, weight = class_mask(support), support.weight.unsqueeze(-1)
        n_way = present.sum(dim=1).to(embedding.dtype)[:, None, None]
        total = weight.sum(dim=1, keepdim=True)
        mean = (weight * embedding).sum(dim=1, keepdim=True) / total
        centre = mean * n_way / (n_way + self.log_centring.exp())
        z = nn.functional.normalize(embedding - centre, dim=-1)
        prototypes = class_means(z, support)
        own = prototypes.gather(1, support.class_index.clamp(min=0).unsqueeze(-1).expand_as(z))
        precision = self._precision((z - own) * weight.sqrt(), total - n_way)
        directions = prototypes @ precision
        lengths = (directions * prototypes).sum(-1, keepdim=True).clamp(min=1e-12).sqrt()
        return {"centre": centre, "precision": precision, "directions": directions / lengths, "class_mask": present}

    def _precision(
        self, residuals: Float[Tensor, "n_tasks n_support dim"], freedom: Float[Tensor, "n_tasks 1 1"]
    ) -> Float[Tensor, "n_tasks dim dim"]:
        dim = residuals.shape[-1]
        freedom = freedom.clamp(min=0)
        scatter = residuals.mT @ residuals
        trace = scatter.diagonal(dim1=1, dim2=2).sum(-1)[:, None, None]
        # Where nothing is left over after the class means, there is no scatter either, and any t will do.
        typical = torch.where(trace > 0, trace / (freedom.clamp(min=1e-6) * dim), 1)
        kappa = self.log_shrinkage.exp()
        plain = torch.eye(dim, dtype=residuals.dtype, device=residuals.device)
        metric = (kappa * plain + scatter / typical) / (kappa + freedom)
        return torch.cholesky_inverse(torch.linalg.cholesky(metric))

    def _compare(
        self, state: State, embedding: Float[Tensor, "n_tasks n_query dim"]
    ) -> Float[Tensor, "n_tasks n_query n_way"]:
        with full_precision(embedding):
            z = nn.functional.normalize(widen(embedding) - state["centre"], dim=-1)
            lengths = ((z @ state["precision"]) * z).sum(-1, keepdim=True).clamp(min=1e-12).sqrt()
            logits = self.log_scale.exp() * (z @ state["directions"].mT) / lengths
        return mask_logits(logits, state["class_mask"])
