"""Embedding losses: items of a class are drawn together, items of different classes pushed apart.

    triplet                  mean of max(0, d(a, p) - d(a, n) + margin) over triplets of anchor, positive, negative
    contrastive              mean of d(a, p) + mean of max(0, margin - d(a, n)) over pairs
    supervised contrastive   mean over anchors and their positives of -log( exp(s(a, p) / t) / sum_b exp(s(a, b) / t) )

d is the distance of L2-normalised embeddings (0 to 2), s their cosine; means are over terms that are not 0. The
losses and miners are those of pytorch-metric-learning, and take the support and query items of one episode together,
as classes of different episodes may be the same or alike. A query then goes to the nearest prototype, by cosine.

Deviations: the classifier has no part in the loss; d is not squared; an item counts whole in the loss whatever its
weight, or not at all with weight 0, while prototypes are weighted means; triplets are mined from an episode, the
hardest of each anchor, as Hermans, Beyer, Leibe 2017 (arXiv:1703.07737) do; pairs by multi-similarity mining, Wang et
al. 2019 (arXiv:1904.06627).

Reference: Schroff, Kalenichenko, Philbin 2015, "FaceNet", arXiv:1503.03832 (triplet); Hadsell, Chopra, LeCun 2006,
"Dimensionality Reduction by Learning an Invariant Mapping", CVPR (contrastive); Khosla et al. 2020, "Supervised
Contrastive Learning", arXiv:2004.11362, eq. 2; Musgrave, Belongie, Lim 2020, "PyTorch Metric Learning",
arXiv:2008.09164.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from metafuse.episodes.batch import EpisodeBatch, Items, Support
from metafuse.errors import ConfigError
from metafuse.learners.episodic import State, class_mask, class_means, embed_batch, embed_items, mask_logits
from metafuse.learners.metric.similarity import cosines, full_precision, log_parameter, widen

LOSSES = ("triplet", "contrastive", "supervised_contrastive")
MINERS = ("none", "batch_hard", "multi_similarity")


class MetricLossLearner(nn.Module):
    """Trains a backbone with an embedding loss and classifies by nearest prototype.

    Args:
        backbone: Embeds items.
        loss: One of `LOSSES`.
        miner: One of `MINERS`: which pairs or triplets of an episode count; "none" takes all.
        margin: Distance between positives and negatives; of triplet and contrastive. Over 0.
        temperature: Of supervised contrastive. Over 0.
        scale: Of the cosines in the logits; over 0, not trained.
    Raises:
        ConfigError: an unknown loss or miner, or a number of 0 or less.
    """

    adapts_backbone = False

    def __init__(
        self,
        backbone: nn.Module,
        *,
        loss: str,
        miner: str = "none",
        margin: float = 0.2,
        temperature: float = 0.1,
        scale: float = 10.0,
    ) -> None:
        super().__init__()
        for name, value in (("margin", margin), ("temperature", temperature)):
            if not value > 0:
                raise ConfigError(f"{name}: expected a number over 0, got {value}. Leave it out for the usual one.")
        self.backbone = backbone
        self.log_scale = log_parameter("scale", scale, learn=False)
        self._loss = _build_loss(loss, margin, temperature)
        self._miner = _build_miner(miner)

    def adapt(self, support: Support) -> State:
        """Average the support embeddings of each class; see `EpisodicLearner.adapt`."""
        return _prototypes(embed_items(self.backbone, support.items), support)

    def logits(self, state: State, query: Items) -> Float[Tensor, "n_tasks n_query n_way"]:
        """Score query items by the cosine with each prototype."""
        return self._compare(state, embed_items(self.backbone, query))

    def loss(self, batch: EpisodeBatch) -> tuple[Float[Tensor, ""], Float[Tensor, "n_tasks n_query n_way"]]:
        """Mean embedding loss of the episodes, each over its support and query items."""
        support, query = (widen(embedding) for embedding in embed_batch(self.backbone, batch))
        embedding = torch.cat([support, query], 1)
        support_class = batch.support.class_index.masked_fill(batch.support.weight == 0, -1)
        class_index = torch.cat([support_class, batch.query_class_index], 1)
        with full_precision(embedding):
            losses = [
                self.episode_loss(rows[classes >= 0], classes[classes >= 0])
                for rows, classes in zip(embedding, class_index, strict=True)
            ]
        return torch.stack(losses).mean(), self._compare(_prototypes(support, batch.support), query)

    def episode_loss(self, embedding: Float[Tensor, "n dim"], class_index: Int[Tensor, " n"]) -> Float[Tensor, ""]:
        """Compute the embedding loss of one episode's items; 0 where the miner finds nothing to learn."""
        mined = None if self._miner is None else self._miner(embedding, class_index)
        return self._loss(embedding, class_index, mined)

    def _compare(
        self, state: State, query: Float[Tensor, "n_tasks n_query dim"]
    ) -> Float[Tensor, "n_tasks n_query n_way"]:
        with full_precision(query):
            logits = self.log_scale.exp() * cosines(widen(query), state["prototypes"])
        return mask_logits(logits, state["class_mask"])


def triplet_learner(
    backbone: nn.Module, *, miner: str = "batch_hard", margin: float = 0.2, scale: float = 10.0
) -> MetricLossLearner:
    """Train with triplets; see `MetricLossLearner`."""
    return MetricLossLearner(backbone, loss="triplet", miner=miner, margin=margin, scale=scale)


def contrastive_learner(
    backbone: nn.Module, *, miner: str = "multi_similarity", margin: float = 1.0, scale: float = 10.0
) -> MetricLossLearner:
    """Train with pairs; see `MetricLossLearner`."""
    return MetricLossLearner(backbone, loss="contrastive", miner=miner, margin=margin, scale=scale)


def supervised_contrastive_learner(
    backbone: nn.Module, *, miner: str = "none", temperature: float = 0.1, scale: float = 10.0
) -> MetricLossLearner:
    """Train with each item against all others; see `MetricLossLearner`."""
    return MetricLossLearner(backbone, loss="supervised_contrastive", miner=miner, temperature=temperature, scale=scale)


def _prototypes(embedding: Float[Tensor, "n_tasks n_support dim"], support: Support) -> State:
    with full_precision(embedding):
        prototypes = class_means(widen(embedding), support)
    return {"prototypes": prototypes, "class_mask": class_mask(support)}


def _build_loss(name: str, margin: float, temperature: float) -> Callable[..., Tensor]:
    from pytorch_metric_learning import losses

    if name == "triplet":
        return losses.TripletMarginLoss(margin=margin)
    if name == "contrastive":
        return losses.ContrastiveLoss(pos_margin=0, neg_margin=margin)
    if name == "supervised_contrastive":
        return losses.SupConLoss(temperature=temperature)
    raise ConfigError(f"loss '{name}' is not known. Use one of {', '.join(LOSSES)}.")


def _build_miner(name: str) -> Callable[..., tuple[Tensor, ...]] | None:
    from pytorch_metric_learning import miners

    if name == "none":
        return None
    if name == "batch_hard":
        return miners.BatchHardMiner()
    if name == "multi_similarity":
        return miners.MultiSimilarityMiner()
    raise ConfigError(f"miner '{name}' is not known. Use one of {', '.join(MINERS)}.")
