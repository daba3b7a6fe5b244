"""A network that writes a linear head from a support set, as corrections to the imprinted prototype head.

Rows are unit vectors u_i. The head starts imprinted,

    w_c = prototype_c / |prototype_c|,    b_c = 0,

and in each round a small network reads every pair of a class c and a support item i and adds

    w_c += sum_i reach_ci a_ci u_i / n_i,    b_c += sum_i reach_ci d_ci / n_i,    (a_ci, d_ci) = net(pair_ci, noise)
    reach_ci = [i is of c] + probability of c that the head so far gives i,    n_i = items of the class of i

pair_ci holds the closeness of i to the other items of c, to those of its own class and to the middle of all classes,
that of c to the middle, whether i is of c, its probability, and how many items both classes have. The network sees no
coordinate of an embedding, only such relations, so a writer trained on one source works with embeddings of another
dimension, and what it adds does not grow with the number of classes. It can write a step of logistic regression
(reach_ci a_ci = target - probability), and weigh items and neighbours as it learned to. Its last layer starts at zero.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from metafuse.backbones.initialisation import build_linear
from metafuse.episodes.batch import Support
from metafuse.learners.episodic import State, class_mask, mask_logits
from metafuse.learners.metric.similarity import full_precision, widen

N_RELATIONS = 9


@dataclass(frozen=True)
class SupportView:
    """Support sets as unit vectors.

    Args:
        items: Unit vectors.
        share: Share of each item in its class; columns of classes that are there sum to 1.
        present: Which classes there are.
    """

    items: Float[Tensor, "n_tasks n_support dim"]
    share: Float[Tensor, "n_tasks n_support n_way"]
    present: Bool[Tensor, "n_tasks n_way"]

    @property
    def means(self) -> Float[Tensor, "n_tasks n_way dim"]:
        """Mean unit vector of each class."""
        return self.share.mT @ self.items

    @property
    def prototypes(self) -> Float[Tensor, "n_tasks n_way dim"]:
        """Mean unit vector of each class, at length 1 again."""
        return nn.functional.normalize(self.means, dim=-1)


@dataclass(frozen=True)
class Head:
    """A linear head for unit vectors."""

    weight: Float[Tensor, "n_tasks n_way dim"]
    bias: Float[Tensor, "n_tasks n_way"]

    def scores(self, rows: Float[Tensor, "n_tasks n dim"]) -> Float[Tensor, "n_tasks n n_way"]:
        """Score unit vectors; 1 is where the imprinted head and a row agree wholly."""
        return rows @ self.weight.mT + self.bias.unsqueeze(1)


def view_support(embedding: Float[Tensor, "n_tasks n_support dim"], support: Support) -> SupportView:
    """Normalise support sets."""
    targets = support.targets()
    share = targets / targets.sum(dim=1, keepdim=True).clamp(min=torch.finfo(targets.dtype).tiny)
    return SupportView(nn.functional.normalize(widen(embedding), dim=-1), share, class_mask(support))


def score_rows(
    state: State, embedding: Float[Tensor, "n_tasks n dim"], scale: Float[Tensor, ""]
) -> Float[Tensor, "n_tasks n n_way"]:
    """Compute the logits of embeddings under the heads of a learner's state."""
    with full_precision(embedding):
        rows = nn.functional.normalize(widen(embedding), dim=-1)
        scores = Head(state["weight"], state["bias"]).scores(rows)
        return mask_logits(scale * scores, state["class_mask"])


class HeadWriter(nn.Module):
    """Writes heads.

    Args:
        hidden: Width of the network.
        n_noise: Length of the noise it takes beside the relations; 0 for none.
        n_rounds: How often it corrects the head.
        seed: Of the weights that do not start at zero.
    """

    def __init__(self, *, hidden: int, n_noise: int, n_rounds: int, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.n_rounds = n_rounds
        self.inner = build_linear(N_RELATIONS + n_noise, hidden, generator)
        self.outer = build_linear(hidden + N_RELATIONS, 2, generator)
        nn.init.zeros_(self.outer.weight)

    def forward(
        self, view: SupportView, scale: Float[Tensor, ""], noise: Float[Tensor, "n_tasks n_noise"] | None = None
    ) -> Head:
        """Write the head of each task.

        Args:
            view: Support sets.
            scale: What turns a head's scores into logits.
            noise: One vector a task; None for none.
        """
        with full_precision(view.items):
            return self._correct(view, scale, noise)

    def _correct(
        self, view: SupportView, scale: Float[Tensor, ""], noise: Float[Tensor, "n_tasks n_noise"] | None
    ) -> Head:
        head = Head(view.prototypes, torch.zeros_like(view.prototypes[..., 0]))
        fixed, own = _relate(view)
        share = view.share.sum(dim=-1)[:, None, :]
        for _ in range(self.n_rounds):
            said = mask_logits(scale * head.scores(view.items), view.present).softmax(dim=-1).mT
            reach = (own + said).clamp(min=1e-12)
            pairs = torch.cat([torch.stack([said, (own - said) / reach], dim=-1), fixed], dim=-1)
            written = self._write(pairs, noise) * (reach * share * view.present.unsqueeze(-1)).unsqueeze(-1)
            # (n_tasks, n_way, n_support) @ (n_tasks, n_support, dim)
            head = Head(head.weight + written[..., 0] @ view.items, head.bias + written[..., 1].sum(dim=-1))
        return head

    def _write(
        self,
        pairs: Float[Tensor, "n_tasks n_way n_support n_relations"],
        noise: Float[Tensor, "n_tasks n_noise"] | None,
    ) -> Float[Tensor, "n_tasks n_way n_support 2"]:
        noisy = (
            pairs if noise is None else torch.cat([pairs, noise[:, None, None].expand(*pairs.shape[:3], -1)], dim=-1)
        )
        # The relations reach the last layer directly too: a step of logistic regression is linear in them.
        return self.outer(torch.cat([torch.relu(self.inner(noisy)), pairs], dim=-1))


def _relate(
    view: SupportView,
) -> tuple[Float[Tensor, "n_tasks n_way n_support 7"], Float[Tensor, "n_tasks n_way n_support"]]:
    """Compute the relations of classes and items that do not depend on the head, and which item is of which class."""
    share, own = view.share.mT, (view.share.mT > 0).to(view.share.dtype)
    means = view.means
    closeness = means @ view.items.mT
    # An item is compared with the others of its class; one that is alone there, with nothing.
    rest = (1 - share).clamp(min=1e-6)
    closeness = torch.where(share < 1, (closeness - share) / rest, 0.0) * own + closeness * (1 - own)
    middle = means.sum(dim=1, keepdim=True) / view.present.sum(dim=1).clamp(min=1)[:, None, None]
    relations = [
        closeness,
        own,
        (closeness * own).sum(dim=1, keepdim=True),
        middle @ view.items.mT,
        means @ middle.mT,
        share.sum(dim=1, keepdim=True),
        share.square().sum(dim=2, keepdim=True),
    ]
    return torch.stack([relation.expand_as(share) for relation in relations], dim=-1), own
