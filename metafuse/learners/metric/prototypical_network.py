"""Prototypical networks: a class is the mean of its support embeddings, a query goes to the nearest.

    logits_c(x) = scale * -|f(x) - prototype_c|^2   ("euclidean")   or   scale * cos(f(x), prototype_c)   ("cosine")

Deviations: support items may be weighted; the scale can be learned (Oreshkin et al. 2018, TADAM); with `turns` the
training loss uses every pair of items of an episode, not only support and query.

Reference: Snell, Swersky, Zemel 2017, "Prototypical Networks for Few-shot Learning", arXiv:1703.05175.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from metafuse.episodes.batch import EpisodeBatch, Items, Support
from metafuse.errors import ConfigError, EpisodeError
from metafuse.learners.episodic import State, class_mask, class_means, embed_batch, embed_items, mask_logits, query_loss
from metafuse.learners.metric.similarity import cosines, full_precision, log_parameter, widen

DISTANCES = ("euclidean", "cosine")


class PrototypicalNetworkLearner(nn.Module):
    """Trains a backbone so that class means tell classes apart.

    Args:
        backbone: Embeds items.
        distance: "euclidean" (squared) or "cosine".
        scale: Of the logits, over 0; 1 is usual for euclidean, 10 for cosine.
        learn_scale: Train the scale too.
        turns: In training, each item takes its turn as the only support item of its class, and all items that are not
            of the same turn are its queries: a loss for 1 shot that uses an embedding many times over. Needs episodes
            with equally many items a class.
    Raises:
        ConfigError: an unknown distance, or a scale of 0 or less.
    """

    adapts_backbone = False

    def __init__(
        self,
        backbone: nn.Module,
        *,
        distance: str = "euclidean",
        scale: float = 1.0,
        learn_scale: bool = False,
        turns: bool = False,
    ) -> None:
        super().__init__()
        if distance not in DISTANCES:
            raise ConfigError(f"distance '{distance}' is not known. Use one of {', '.join(DISTANCES)}.")
        self.backbone = backbone
        self.distance = distance
        self.turns = turns
        self.log_scale = log_parameter("scale", scale, learn=learn_scale)

    def adapt(self, support: Support) -> State:
        """Average the support embeddings of each class; see `EpisodicLearner.adapt`."""
        return self._average(embed_items(self.backbone, support.items), support)

    def logits(self, state: State, query: Items) -> Float[Tensor, "n_tasks n_query n_way"]:
        """Score query items by closeness to each prototype."""
        return self._compare(state, embed_items(self.backbone, query))

    def loss(self, batch: EpisodeBatch) -> tuple[Float[Tensor, ""], Float[Tensor, "n_tasks n_query n_way"]]:
        """Cross entropy of the query items, or of all items in turns; the logits are those of the query items.

        Raises:
            EpisodeError: in turns, and a class has more items than another.
        """
        support, query = embed_batch(self.backbone, batch)
        logits = self._compare(self._average(support, batch.support), query)
        if not self.turns:
            return query_loss(logits, batch), logits
        return self._loss_in_turns(torch.cat([support, query], dim=1), batch), logits

    def _loss_in_turns(self, embedding: Float[Tensor, "n_tasks n_items dim"], batch: EpisodeBatch) -> Float[Tensor, ""]:
        class_index = torch.cat([batch.support.class_index, batch.query_class_index], dim=1)
        n_way, n_turns = batch.support.n_way, class_index.shape[1] // batch.support.n_way
        by_class, order = class_index.sort(dim=1, stable=True)
        wanted = torch.arange(n_way, device=class_index.device).repeat_interleave(n_turns)
        if by_class.shape[1] != len(wanted) or not (by_class == wanted).all():
            raise EpisodeError(
                f"turns: expected equally many items of each of the {n_way} classes of an episode, got other numbers. "
                "Leave out variable_way, variable_shot and query_alpha, and classes with fewer rows; or turns."
            )
        items = embedding.take_along_dim(order.unsqueeze(2), dim=1)
        everything = {"prototypes": items, "class_mask": torch.ones_like(by_class, dtype=torch.bool)}
        logits = self._compare(everything, items).unflatten(2, (n_way, n_turns)).unflatten(1, (n_way, n_turns))
        # (n_tasks, query class, query turn, class, turn) -> (query turn, turn, n_tasks, query class, class)
        logits = logits.permute(2, 4, 0, 1, 3)
        apart = ~torch.eye(n_turns, dtype=torch.bool, device=logits.device)
        pairs = logits[apart].flatten(0, 1)
        target = torch.arange(n_way, device=logits.device).expand(len(pairs), n_way)
        return nn.functional.cross_entropy(pairs.flatten(0, 1), target.flatten())

    def _average(self, embedding: Float[Tensor, "n_tasks n_support dim"], support: Support) -> State:
        with full_precision(embedding):
            prototypes = class_means(widen(embedding), support)
        return {"prototypes": prototypes, "class_mask": class_mask(support)}

    def _compare(
        self, state: State, embedding: Float[Tensor, "n_tasks n_query dim"]
    ) -> Float[Tensor, "n_tasks n_query n_way"]:
        prototypes, embedding = widen(state["prototypes"]), widen(embedding)
        with full_precision(embedding):
            if self.distance == "cosine":
                closeness = cosines(embedding, prototypes)
            else:
                # |x|^2 is the same for every class and drops out of the softmax, but keeps the logits true distances.
                # No copy of the embedding is made: it is by far the largest tensor here.
                squares = torch.linalg.vector_norm(embedding, dim=-1, keepdim=True).square()
                closeness = 2 * (embedding @ prototypes.mT) - squares - prototypes.square().sum(-1).unsqueeze(1)
        return mask_logits(self.log_scale.exp() * closeness, state["class_mask"])
