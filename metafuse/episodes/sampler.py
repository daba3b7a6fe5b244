"""Batches of episodes, drawn from many sources."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Int

from metafuse.episodes.base import PADDING, EpisodePool, Episodes
from metafuse.episodes.drawing import draw_ordered, draw_shots, draw_unbalanced, draw_ways, pack
from metafuse.episodes.stock import Stock, take_stock
from metafuse.errors import ConfigError, EpisodeError
from metafuse.task import EpisodeSizes

BALANCES = ("source", "class")


class EpisodeSampler:
    """Draws batches of episodes, each batch from one pool.

    A batch is a function of the arguments here and of its step, nothing else: whoever knows the step can go on from it.
    Classes of an episode are drawn uniformly, and rows of a class too; of near-duplicates an episode holds one at
    most, so that both sides of it never share any. Of near-duplicates under several labels only those of the
    commonest label are drawn.

    Args:
        pools: Sources to draw from.
        sizes: Of the episodes. With a fixed `k_shot`, a class that has fewer than `n_query` further rows gives all of
            them; with `variable_shot` each class of an episode gives the same number, half of its smallest at most.
        n_tasks: Episodes in a batch.
        seed: Of all draws.
        balance: "source": each pool equally often, once in as many steps as there are pools; "class": at random, in
            proportion to its number of usable classes.
    Raises:
        ConfigError: an argument is wrong.
        EpisodeError: a pool has too few classes or rows, in words.
    """

    def __init__(
        self,
        pools: Sequence[EpisodePool],
        sizes: EpisodeSizes,
        *,
        n_tasks: int,
        seed: int,
        balance: str = "source",
    ) -> None:
        _check_arguments(pools, n_tasks=n_tasks, seed=seed, balance=balance)
        self.pools = tuple(pools)
        self.sizes = sizes
        self.n_tasks = n_tasks
        self.seed = seed
        self.balance = balance
        self._stocks = [take_stock(pool, sizes) for pool in pools]
        n_classes = [len(np.unique(stock.class_id)) for stock in self._stocks]
        self._shares = np.array(n_classes) / sum(n_classes)

    @property
    def left_out(self) -> Mapping[str, tuple[str, ...]]:
        """Source -> labels of its classes that no episode holds, too small or in too small a group; if there are."""
        return {
            pool.name: stock.left_out for pool, stock in zip(self.pools, self._stocks, strict=True) if stock.left_out
        }

    def batch(self, step: int) -> Episodes:
        """Draw the batch of a step; the same step always gives the same batch.

        Args:
            step: 0 or more.
        Raises:
            ConfigError: it is less.
        """
        if step < 0:
            raise ConfigError(f"step: expected a whole number from 0, got {step}. Count steps from 0.")
        generator = np.random.default_rng(np.random.SeedSequence([self.seed, step]))
        source = self._draw_source(step, generator)
        stock = self._stocks[source]
        classes = self._draw_classes(stock, generator)
        present = classes != PADDING
        available = np.where(present, stock.class_size[classes], 0)
        n_support, n_query = self._draw_counts(available, generator)
        rows = _draw_rows(stock, classes, n_support + n_query, generator)
        support, support_class_index = pack(rows[:, :, : n_support.max()], n_support)
        query, query_class_index = pack(_after(rows, n_support, int(n_query.max())), n_query)
        class_id = np.where(present, stock.class_id[classes], PADDING)
        return Episodes(source, class_id, support, support_class_index, query, query_class_index)

    def _draw_source(self, step: int, generator: np.random.Generator) -> int:
        if len(self.pools) == 1:
            return 0
        if self.balance == "class":
            return int(generator.choice(len(self.pools), p=self._shares))
        turn, place = divmod(step, len(self.pools))
        # The third number keeps these apart from the generators of the steps.
        return int(np.random.default_rng([self.seed, turn, 1]).permutation(len(self.pools))[place])

    def _draw_classes(self, stock: Stock, generator: np.random.Generator) -> Int[np.ndarray, "n_tasks n_way"]:
        """Draw each episode's group and places of its classes in the stock."""
        group = generator.integers(len(stock.group_start), size=self.n_tasks)
        n_classes, n_way = stock.group_size[group], self.sizes.n_way
        ways = np.full(self.n_tasks, n_way)
        if self.sizes.variable_way:
            ways = draw_ways(n_classes, n_way, generator)
        width = int(ways.max())
        classes = stock.group_start[group][:, np.newaxis] + draw_ordered(n_classes, width, generator)
        return np.where(np.arange(width) < ways[:, np.newaxis], classes, PADDING)

    def _draw_counts(
        self, available: Int[np.ndarray, "n_tasks n_way"], generator: np.random.Generator
    ) -> tuple[Int[np.ndarray, "n_tasks n_way"], Int[np.ndarray, "n_tasks n_way"]]:
        """Draw the numbers of support and query rows of each class; 0 for a class an episode does not have."""
        sizes, present = self.sizes, available > 0
        n_support = np.where(present, sizes.k_shot, 0)
        n_query = np.where(present, sizes.n_query, 0)
        if sizes.variable_shot:
            smallest = np.where(present, available, np.iinfo(available.dtype).max).min(axis=1)
            most = np.minimum(smallest // 2, sizes.n_query)
            n_support = draw_shots(available, most, sizes.k_shot, generator)
            n_query = np.where(present, most[:, np.newaxis], 0)
        if sizes.query_alpha is not None:
            n_query = draw_unbalanced(present, sizes.n_query, sizes.query_alpha, generator)
        return n_support, np.minimum(n_query, available - n_support)


def _check_arguments(pools: Sequence[EpisodePool], *, n_tasks: int, seed: int, balance: str) -> None:
    if balance not in BALANCES:
        raise ConfigError(f"balance '{balance}' is not known. Use one of {', '.join(BALANCES)}.")
    if n_tasks < 1:
        raise ConfigError(f"n_tasks: expected at least one episode in a batch, got {n_tasks}. Give 1 or more.")
    if seed < 0:
        raise ConfigError(f"seed: expected a whole number from 0, got {seed}. Give another.")
    if not pools:
        raise EpisodeError("expected at least one source to draw episodes from, got none. Name a task.")
    names = [pool.name for pool in pools]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise EpisodeError(f"expected sources of different names, got several '{repeated[0]}'. Give each its own.")


def _draw_rows(
    stock: Stock,
    classes: Int[np.ndarray, "n_tasks n_way"],
    counts: Int[np.ndarray, "n_tasks n_way"],
    generator: np.random.Generator,
) -> Int[np.ndarray, "n_tasks n_way width"]:
    """Draw units of each class without replacement and a row of each; those after the first `counts` mean nothing."""
    start, size = stock.class_start[classes].ravel(), stock.class_size[classes].ravel()
    width = int(counts.max())
    place = draw_ordered(size, width, generator)
    unit = start[:, np.newaxis] + np.minimum(place, size[:, np.newaxis] - 1)
    within = 0
    if len(stock.rows) > len(stock.unit_start):
        within = (generator.random(unit.shape) * stock.unit_size[unit]).astype(np.int64)
    return stock.rows[stock.unit_start[unit] + within].reshape(*classes.shape, width)


def _after(
    rows: Int[np.ndarray, "n_tasks n_way width"], n_before: Int[np.ndarray, "n_tasks n_way"], width: int
) -> Int[np.ndarray, "n_tasks n_way n"]:
    """Take up to `width` rows of each class from after its first ones."""
    if (n_before == (first := n_before[0, 0])).all():
        return rows[:, :, first : first + width]
    place = n_before[:, :, np.newaxis] + np.arange(width)
    return np.take_along_axis(rows, np.minimum(place, rows.shape[2] - 1), axis=2)
