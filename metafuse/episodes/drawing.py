"""Random draws for whole batches of episodes at once, without a loop over them."""

import numpy as np
from jaxtyping import Bool, Int

from metafuse.episodes.base import PADDING

MAX_SUPPORT = 500
"""Rows of a support set of varying size, as in Meta-Dataset."""


def draw_ordered(
    sizes: Int[np.ndarray, " n"], n_draws: int, generator: np.random.Generator
) -> Int[np.ndarray, "n n_draws"]:
    """Draw places without replacement, in random order, from several ranges at once.

    The Fisher-Yates shuffle of range(size), of which only the first draws are made: draw i swaps place i with one of
    i..size-1. Where a swapped-in place came from is found by going back through the draws before it.

    Args:
        sizes: Draws of row r are from 0..sizes[r]-1.
        n_draws: Draws a row. Those beyond the row's size are of no use.
        generator: Source of randomness.
    """
    draws = np.arange(n_draws)[:, np.newaxis]
    targets = draws + (generator.random((n_draws, len(sizes))) * np.maximum(sizes - draws, 0)).astype(np.int64)
    places = targets.copy()
    for draw in range(n_draws - 2, -1, -1):
        later = places[draw + 1 :]
        np.copyto(later, draw, where=later == targets[draw])
    return np.ascontiguousarray(places.T)


def draw_ways(
    n_classes: Int[np.ndarray, " n_tasks"], n_way: int, generator: np.random.Generator
) -> Int[np.ndarray, " n_tasks"]:
    """Draw numbers of classes, uniform from 5 (2 where there are fewer) to `n_way`, or to all classes if fewer.

    Reference: Triantafillou et al. 2020, "Meta-Dataset", arXiv:1903.03096, section 3.2.
    """
    most = np.minimum(n_classes, n_way)
    return generator.integers(np.where(most >= 5, 5, 2), most, endpoint=True)


def draw_shots(
    sizes: Int[np.ndarray, "n_tasks n_way"],
    n_query: Int[np.ndarray, " n_tasks"],
    k_shot: int,
    generator: np.random.Generator,
) -> Int[np.ndarray, "n_tasks n_way"]:
    """Draw numbers of support rows: a share of what there is, unbalanced between the classes as they are themselves.

    |S| = min(500, sum_c ceil(beta min(k_shot, |c| - q))), beta ~ U(0, 1];   R_c ~ exp(alpha_c) |c|, sum_c R_c = 1,
    alpha_c ~ U[log .5, log 2];   k_c = min(floor(R_c (|S| - n_way)) + 1, |c| - q, k_shot).

    Deviation: the paper's 100 rows that a class adds to |S| at most are `k_shot` here, which also caps k_c.

    Args:
        sizes: Rows of each class, |c|; 0 for a class the episode does not have, else at least 2.
        n_query: Query rows a class, q; less than any |c|.
        k_shot: Most support rows of a class.
        generator: Source of randomness.
    Reference: Triantafillou et al. 2020, "Meta-Dataset", arXiv:1903.03096, section 3.2 and appendix A.2.
    """
    present = sizes > 0
    most = np.where(present, np.minimum(sizes - n_query[:, np.newaxis], k_shot), 0)
    beta = 1 - generator.random((len(sizes), 1))
    n_support = np.minimum(np.ceil(beta * most).sum(axis=1), MAX_SUPPORT)
    share = np.exp(generator.uniform(np.log(0.5), np.log(2), sizes.shape)) * sizes
    share /= share.sum(axis=1, keepdims=True)
    beyond_one = np.maximum(n_support - present.sum(axis=1), 0)[:, np.newaxis]
    return np.minimum(np.floor(share * beyond_one).astype(np.int64) + 1, most)


def draw_unbalanced(
    present: Bool[np.ndarray, "n_tasks n_way"], n_query: int, alpha: float, generator: np.random.Generator
) -> Int[np.ndarray, "n_tasks n_way"]:
    """Draw numbers of query rows with shares ~ Dirichlet(alpha), which sum to `n_query` a class.

    Args:
        present: Classes each episode has.
        n_query: Query rows a class on average.
        alpha: Concentration; low is unbalanced.
        generator: Source of randomness.
    Reference: Veilleux et al. 2021, "Realistic evaluation of transductive few-shot learning", arXiv:2204.11181.
    """
    # A floor, for a small alpha draws weights that round to zero in every class.
    weight = np.where(present, np.maximum(generator.standard_gamma(alpha, present.shape), 1e-300), 0)
    exact = weight / weight.sum(axis=1, keepdims=True) * n_query * present.sum(axis=1, keepdims=True)
    counts = np.floor(exact).astype(np.int64)
    # The rows that rounding down leaves go to the largest remainders.
    left = n_query * present.sum(axis=1) - counts.sum(axis=1)
    rank = np.argsort(np.argsort(-(exact - counts), axis=1, kind="stable"), axis=1, kind="stable")
    return counts + (rank < left[:, np.newaxis])


def pack(
    rows: Int[np.ndarray, "n_tasks n_way width"], counts: Int[np.ndarray, "n_tasks n_way"]
) -> tuple[Int[np.ndarray, "n_tasks n"], Int[np.ndarray, "n_tasks n"]]:
    """Lay the rows of each episode side by side, class after class, padding at the end.

    Args:
        rows: Rows of each class, of which the first count.
        counts: How many of them.
    Returns:
        The rows, and their classes within the episode.
    """
    n_tasks, n_way, width = rows.shape
    class_index = np.broadcast_to(np.arange(n_way)[:, np.newaxis], rows.shape).reshape(n_tasks, -1)
    rows = rows.reshape(n_tasks, -1)
    if (counts == width).all():
        return rows, class_index.copy()
    is_row = (np.arange(width) < counts[:, :, np.newaxis]).reshape(n_tasks, -1)
    order = np.argsort(~is_row, axis=1, kind="stable")[:, : counts.sum(axis=1).max()]
    is_padding = ~np.take_along_axis(is_row, order, axis=1)
    packed = [np.take_along_axis(each, order, axis=1) for each in (rows, class_index)]
    for each in packed:
        each[is_padding] = PADDING
    return packed[0], packed[1]
