"""A product of experts over views, each expert a product of heads in one view: the model all learners here return.

    log p(y | x) = sum_v w_v sum_h a_vh log p_vh(y | x) + const,    w, a >= 0

The weights minimise the log loss of held-out labels, pulled to constants; as they need not sum to one
they are the calibration temperature too. A view whose columns an item lacks says nothing about it.

Reference: Heskes 1998, "Selecting weighting factors in logarithmic opinion pools"; Guo et al. 2017, "On Calibration of
Modern Neural Networks", arXiv:1706.04599 (temperature).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

from metafuse.features import Features
from metafuse.fusion.combination import Combination
from metafuse.fusion.late import combine_experts, fit_expert_weights, log_softmax
from metafuse.learners.base import HeldOut
from metafuse.learners.gaps import GapReference
from metafuse.learners.graph import average_neighbours
from metafuse.learners.modality_graph import GraphSurroundings
from metafuse.learners.novelty import Novelty
from metafuse.learners.seeding import Seeding
from metafuse.learners.surroundings import Look, NeighbourHead, Surroundings
from metafuse.learners.view import View
from metafuse.parallel import run_side_by_side


@runtime_checkable
class Head(Protocol):
    """Scores rows against classes; a frozen dataclass, so that it can be saved."""

    def logits(self, x: Float[np.ndarray, "n _"], /) -> Float[np.ndarray, "n n_way"]:
        """Score each row's embedding, or, of a `NeighbourHead`, what its neighbours are."""
        ...


FitHead = Callable[[View, Seeding], Head]

CHUNK = 16_384
FEWEST_HELD_OUT = 10
FEWEST_LABELS_PER_CLASS = 3
"""On average; held out of fewer, a label leaves too little behind to tell heads apart."""
HEAD_PULL = 10.0
"""Pull of head weights to their prior, in held-out rows."""


@dataclass(frozen=True)
class Expert:
    """A product of heads in one view.

    Args:
        name: Of the view: a modality, or "fused".
        view: Place of its surroundings in the mixture.
        heads: Fitted heads.
        weights: One per head.
        covered: Classes it has a row or a name of; the others get the mean probability of these.
    """

    name: str
    view: int
    heads: tuple[Head, ...]
    weights: tuple[float, ...]
    covered: Bool[np.ndarray, " n_way"]

    def log_probabilities(self, look: Look) -> Float[np.ndarray, "n n_way"]:
        """Log-probabilities of rows; zeros for a row that has none of the view's columns."""
        return _silence(
            combine_experts(head_log_probabilities(self.heads, look), self.weights), self.covered, look.there
        )


@dataclass(frozen=True)
class Mixture:
    """Experts, their weights, and what they know to be unknown.

    Args:
        surroundings: Of each view; the first is the one rows are embedded and compared in.
        experts: Models of the views.
        weights: One per expert.
        novelty: Unknown score in the first view.
        held_out: How the labelled rows fare when held out.
        combination: What makes one prediction of the experts'; their product by the weights when None.
        gaps: Brings unknown scores of rows that lack columns to the scale of the others; None to leave them.
    """

    surroundings: tuple[Surroundings | GraphSurroundings, ...]
    experts: tuple[Expert, ...]
    weights: tuple[float, ...]
    novelty: Novelty
    held_out: HeldOut
    combination: Combination | None = None
    gaps: GapReference | None = None

    def embed(self, features: Features) -> Float[np.ndarray, "n_items dim"]:
        """Fuse items into the first view."""
        return self.surroundings[0].fusion.forward(features)

    def logits(self, features: Features) -> Float[np.ndarray, "n_items n_way"]:
        """Calibrated log-probabilities; uniform for an item without any known column."""
        return self.assess(features)[0]

    def p_values(self, features: Features) -> Float[np.ndarray, " n_items"]:
        """Share of known-class rows at least as unusual as each item; 0 for an item without any known column."""
        return self.assess(features)[1]

    def assess(self, features: Features) -> tuple[Float[np.ndarray, "n n_way"], Float[np.ndarray, " n"]]:
        """Logits and p-values from one look at each view."""
        assessed = self.assess_and_embed(features)
        return assessed.logits, assessed.p_values

    def assess_and_embed(self, features: Features) -> "Assessed":
        """Logits, p-values and embeddings from one look at each view."""
        starts = range(0, max(len(features), 1), CHUNK)
        chunks = [np.arange(at, min(at + CHUNK, len(features))) for at in starts]
        if len(chunks) == 1:
            parts = [self._assess(features)]
        else:
            parts = run_side_by_side([partial(self._assess_rows, features, rows) for rows in chunks])
        return Assessed(
            np.concatenate([part.logits for part in parts]),
            np.concatenate([part.p_values for part in parts]),
            np.concatenate([part.embeddings for part in parts]),
        )

    def _assess_rows(self, features: Features, rows: Int[np.ndarray, " m"]) -> "Assessed":
        return self._assess(features.take(rows))

    def unknown_scores(self, features: Features) -> Float[np.ndarray, " n"]:
        """Unknown scores in the first view, up = more unusual; not matched for columns that items lack."""
        look = self.surroundings[0].look(features)
        return self.novelty.scores(look.x, look.near)

    def _assess(self, features: Features) -> "Assessed":
        # An expert without weight is not asked, and its view not searched.
        asked = [weight > 0 or self.combination is not None for weight in self.weights]
        needed = {0, *(expert.view for expert, is_asked in zip(self.experts, asked, strict=True) if is_asked)}
        looks = {place: self.surroundings[place].look(features) for place in sorted(needed)}
        silence = np.zeros((len(features), len(self.experts[0].covered)), dtype=np.float32)
        said = [
            expert.log_probabilities(looks[expert.view]) if is_asked else silence
            for expert, is_asked in zip(self.experts, asked, strict=True)
        ]
        scores = self.novelty.scores(looks[0].x, looks[0].near)
        if self.gaps is not None:
            scores = self.gaps.match(scores, features, self.unknown_scores)
        p_values = self.novelty.p_values(scores)
        combined = combine_experts(said, self.weights) if self.combination is None else self.combination.combine(said)
        here = looks[0].there
        return Assessed(combined.astype(np.float32), np.where(here, p_values, np.float32(0)), looks[0].x)


@dataclass(frozen=True)
class Assessed:
    """What a mixture says of items.

    Args:
        logits: Calibrated log-probabilities.
        p_values: Share of known-class rows at least as unusual.
        embeddings: In the first view.
    """

    logits: Float[np.ndarray, "n n_way"]
    p_values: Float[np.ndarray, " n"]
    embeddings: Float[np.ndarray, "n dim"]


def fit_expert(
    view: View, seedings: Sequence[Seeding], fits: Sequence[FitHead], prior: Sequence[float], *, name: str, place: int
) -> tuple[Expert, Float[np.ndarray, "n_labelled n_way"]]:
    """Fit the heads of one view, and weigh them by how they do on held-out labels.

    The first head is the plain baseline: where the product is behind it by more than one standard error of the
    paired difference, it stands alone.

    Args:
        view: The view.
        seedings: What `seed_folds` returned for it.
        fits: One per head; each takes the view and the seeding of the labels it may use.
        prior: Weight of each head where there are too few labels to tell.
        name: Of the view.
        place: Of the view in the mixture.
    Returns:
        The expert, and its log-probabilities of the held-out labelled rows; zeros for rows never held out.
    """
    held = np.zeros((len(fits), len(view.class_index), view.n_way), dtype=np.float32)
    fitted = run_side_by_side([partial(_fit_heads, view, seeding, fits) for seeding in seedings])
    for seeding, heads in zip(seedings[:-1], fitted[:-1], strict=True):
        out = np.flatnonzero(view.fold == seeding.held_out)
        held[:, out] = np.stack(head_log_probabilities(heads, _look_within(view, seeding, out)))
    rows = np.flatnonzero(view.fold >= 0)
    weights = list(prior)
    if len(rows) >= FEWEST_HELD_OUT and len(view.class_index) >= FEWEST_LABELS_PER_CLASS * view.n_way:
        weights = _choose_head_weights(held[:, rows], view.class_index[rows], prior)
    covered = np.full(view.n_way, view.shots is not None)
    covered[view.class_index] = True
    expert = Expert(name, place, fitted[-1], tuple(weights), covered)
    said = combine_experts(list(held), weights)
    return expert, _silence(said, covered, view.fold >= 0)


def head_log_probabilities(heads: Sequence[Head], look: Look) -> list[Float[np.ndarray, "n n_way"]]:
    """Log-probabilities of rows, one matrix per head."""
    return [
        log_softmax(head.logits(look.near if isinstance(head, NeighbourHead) else look.x)).astype(np.float32)
        for head in heads
    ]


def _fit_heads(view: View, seeding: Seeding, fits: Sequence[FitHead]) -> tuple[Head, ...]:
    return tuple(fit(view, seeding) for fit in fits)


def _look_within(view: View, seeding: Seeding, places: Int[np.ndarray, " n"]) -> Look:
    near = average_neighbours(
        seeding.distribution, view.neighbourhood.similarity[places], view.neighbourhood.neighbour[places]
    )
    return Look(view.base[places], near, np.ones(len(places), dtype=bool))


def _choose_head_weights(
    held: Float[np.ndarray, "n_heads n n_way"], class_index: Int[np.ndarray, " n"], prior: Sequence[float]
) -> list[float]:
    weights = fit_expert_weights(list(held), class_index, prior, pull=HEAD_PULL / len(class_index))
    mixed = combine_experts(list(held), weights).argmax(axis=1) == class_index
    plain = held[0].argmax(axis=1) == class_index
    lead = plain.astype(float) - mixed
    if lead.mean() > lead.std() / np.sqrt(len(lead)):
        alone = fit_expert_weights([held[0]], class_index, [1.0], pull=0.1 / len(class_index))
        return alone + [0.0] * (len(held) - 1)
    return weights


def _silence(
    log_probabilities: Float[np.ndarray, "n n_way"], covered: Bool[np.ndarray, " n_way"], there: Bool[np.ndarray, " n"]
) -> Float[np.ndarray, "n n_way"]:
    """Give classes the expert never saw the mean probability of the others, and say nothing of absent rows."""
    if not covered.all():
        known = log_probabilities[:, covered]
        mean = np.log(np.exp(known).mean(axis=1, keepdims=True))
        log_probabilities = log_softmax(np.where(covered, log_probabilities, mean))
    return np.where(there[:, None], log_probabilities, np.float32(0)).astype(np.float32)
