"""What each modality contributes to an adapted model: alone, by its absence, and as its Shapley value.

    phi_m = sum over S without m  |S|! (M - |S| - 1)! / M!  ( v(S + m) - v(S) )

where v(S) is how well the experts of the modalities in S, multiplied, do on held-out labels: their accuracy, and how
far their log loss is below that of knowing nothing. v of no expert is chance, so the values of all modalities sum to
what all of them reach beyond it. The experts' weights are fitted anew for each S.

An expert that sees every modality is no player: it would be in S with any of them, and count their doing as its own.
Beside the modalities it is shown with the share of the product that is its doing, and without a Shapley value.

Reference: Shapley 1953, "A value for n-person games"; Castro, Gomez, Tejada 2009, "Polynomial calculation of the
Shapley value based on sampling" (above `MOST_EXACT` modalities: mean over permutations drawn at random).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import factorial

import numpy as np
from jaxtyping import Int

from metafuse.evaluation import Proportion, proportion
from metafuse.fusion.late import combine_experts, fit_expert_weights
from metafuse.learners.base import HeldOut
from metafuse.learners.weighing import ACROSS

MOST_EXACT = 8
N_PERMUTATIONS = 60
MOST_ROWS = 1_000
"""Held-out rows, evenly spaced, that Shapley values are measured on: weights are fitted for every set of modalities."""

Value = Callable[[tuple[int, ...]], np.ndarray]
"""Players -> what they reach together."""


@dataclass(frozen=True)
class Shapley:
    """What a modality adds on average over every order in which modalities could be added.

    Args:
        accuracy: In held-out accuracy, as a share; all modalities' sum to what they reach beyond chance.
        log_loss: In nats of held-out log loss below that of knowing nothing, up = better.
    """

    accuracy: float
    log_loss: float


@dataclass(frozen=True)
class ModalityResult:
    """What one modality adds.

    Args:
        alone: Held-out accuracy of its expert alone.
        without: Held-out accuracy of all the others; None where there are none.
        weight: Share of the product that is its expert's doing: its weight times the spread of what it says.
        shapley: None for an expert that sees every modality, where there is one modality, and where nothing could
            be held out.
    """

    alone: Proportion
    without: Proportion | None
    weight: float
    shapley: Shapley | None = None


def measure_contributions(held_out: HeldOut) -> dict[str, ModalityResult]:
    """Measure each expert of an adapted model, on its held-out labels."""
    truth, names = held_out.class_index, list(held_out.experts)
    say = {name: held_out.weights[name] * _spread_of(held_out.experts[name]) for name in names}
    total = sum(say.values()) or 1.0
    modalities = [name for name in names if name not in ACROSS]
    values = dict(zip(modalities, _measure_shapley(held_out, modalities), strict=True))
    results = {}
    for name in names:
        others = [held_out.experts[other] for other in modalities if other != name]
        without = None
        if others and name not in ACROSS and len(truth):
            without = proportion(_multiply(others, truth).argmax(axis=1) == truth)
        alone = proportion(held_out.experts[name].argmax(axis=1) == truth)
        results[name] = ModalityResult(alone, without, say[name] / total, values.get(name))
    return results


def shapley_values(value: Value, n_players: int, seed: int = 0) -> list[np.ndarray]:
    """Share out what all players reach among them; exact up to `MOST_EXACT`, else over sampled orders.

    Args:
        value: What a coalition reaches; called once for each.
        n_players: Numbered from 0.
        seed: Draws the orders.
    """
    known: dict[tuple[int, ...], np.ndarray] = {}

    def reached(players: Sequence[int]) -> np.ndarray:
        key = tuple(sorted(players))
        if key not in known:
            known[key] = np.asarray(value(key), dtype=np.float64)
        return known[key]

    if n_players <= MOST_EXACT:
        return [_exact(reached, player, n_players) for player in range(n_players)]
    generator = np.random.default_rng(seed)
    shares = [np.zeros_like(reached(())) for _ in range(n_players)]
    for _ in range(N_PERMUTATIONS):
        order = generator.permutation(n_players).tolist()
        for place, player in enumerate(order):
            shares[player] += (reached(order[: place + 1]) - reached(order[:place])) / N_PERMUTATIONS
    return shares


def _exact(reached: Callable[[Sequence[int]], np.ndarray], player: int, n_players: int) -> np.ndarray:
    others = [other for other in range(n_players) if other != player]
    share = np.zeros_like(reached(()))
    for size in range(n_players):
        weight = factorial(size) * factorial(n_players - size - 1) / factorial(n_players)
        for coalition in combinations(others, size):
            share += weight * (reached((*coalition, player)) - reached(coalition))
    return share


def _measure_shapley(held_out: HeldOut, modalities: Sequence[str]) -> list[Shapley | None]:
    if len(modalities) < 2 or len(held_out.class_index) == 0:
        return [None] * len(modalities)
    n_rows = len(held_out.class_index)
    rows = np.unique(np.linspace(0, n_rows - 1, min(n_rows, MOST_ROWS)).astype(int))
    truth, experts = held_out.class_index[rows], [held_out.experts[name][rows] for name in modalities]
    n_way = experts[0].shape[1]

    def reached(players: tuple[int, ...]) -> np.ndarray:
        if not players:
            return np.array([1 / n_way, 0.0])
        said = _multiply([experts[player] for player in players], truth)
        return np.array(
            [(said.argmax(axis=1) == truth).mean(), np.log(n_way) + said[np.arange(len(rows)), truth].mean()]
        )

    shares = shapley_values(reached, len(modalities))
    return [Shapley(float(accuracy), float(log_loss)) for accuracy, log_loss in shares]


def _multiply(experts: Sequence[np.ndarray], class_index: Int[np.ndarray, " n"]) -> np.ndarray:
    return combine_experts(experts, fit_expert_weights(experts, class_index, [1.0] * len(experts)))


def _spread_of(log_probabilities: np.ndarray) -> float:
    return float(log_probabilities.std(axis=1).mean()) if len(log_probabilities) else 1.0
