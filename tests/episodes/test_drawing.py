import numpy as np
import pytest

from metafuse.episodes.drawing import draw_ordered, draw_shots, draw_unbalanced, draw_ways, pack


class Fixed(np.random.Generator):
    """A generator whose random numbers are given."""

    def __init__(self, *values):
        super().__init__(np.random.PCG64(0))
        self.values = list(values)

    def random(self, shape):
        return np.broadcast_to(self.values.pop(0), shape)

    def uniform(self, low, high, shape):
        return np.broadcast_to(self.values.pop(0), shape)


def test_ordered_draw_is_the_shuffle_worked_out_by_hand():
    # Of 0 1 2 3: place 0 swaps with 0 + floor(.5 * 4) = 2, so 2 1 0 3; place 1 with 1 + floor(.4 * 3) = 2, so 2 0 1 3;
    # place 2 with 2 + floor(0 * 2) = 2.
    generator = Fixed(np.array([[0.5], [0.4], [0.0]]))
    assert draw_ordered(np.array([4]), 3, generator).tolist() == [[2, 0, 1]]


def test_ordered_draw_takes_no_place_twice():
    sizes = np.array([1, 2, 5, 20, 1000])
    found = draw_ordered(np.repeat(sizes, 200), 20, np.random.default_rng(0))
    for size, row in zip(np.repeat(sizes, 200), found, strict=True):
        drawn = row[: min(size, 20)]
        assert len(set(drawn)) == len(drawn)
        assert set(drawn) <= set(range(size))


def test_every_order_is_equally_likely():
    found = draw_ordered(np.full(24_000, 4), 3, np.random.default_rng(0))
    _, counts = np.unique(found, axis=0, return_counts=True)
    assert len(counts) == 24
    # 24 orders, 1,000 expected each: chi-square with 23 degrees of freedom is under 49.7 in 99.9 % of draws.
    assert np.square(counts - 1000).sum() / 1000 < 49.7


def test_ways_are_uniform_from_five():
    ways = draw_ways(np.full(3000, 100), 7, np.random.default_rng(0))
    values, counts = np.unique(ways, return_counts=True)
    assert values.tolist() == [5, 6, 7]
    assert counts.min() > 900


@pytest.mark.parametrize(("n_classes", "n_way", "expected"), [(3, 20, [2, 3]), (100, 4, [2, 3, 4]), (5, 20, [5])])
def test_ways_start_at_two_where_there_are_no_five(n_classes, n_way, expected):
    ways = draw_ways(np.full(1000, n_classes), n_way, np.random.default_rng(0))
    assert np.unique(ways).tolist() == expected


def test_shots_are_those_worked_out_by_hand():
    # q = 10, beta = 1 - .5: |S| = ceil(.5 * 20) + ceil(.5 * 70) = 45. Shares with alpha = 0: 30/110 and 80/110 of the
    # 43 rows beyond one a class: 11.7 and 31.3, rounded down, and one more each.
    sizes = np.array([[30, 80]])
    assert draw_shots(sizes, np.array([10]), 100, Fixed(0.5, 0.0)).tolist() == [[12, 32]]


def test_shots_stay_below_k_shot_and_leave_the_query_rows():
    generator = np.random.default_rng(0)
    sizes = generator.integers(2, 300, (500, 8))
    n_query = np.minimum(sizes.min(axis=1) // 2, 10)
    shots = draw_shots(sizes, n_query, 20, generator)
    assert shots.min() == 1
    assert shots.max() == 20
    assert (shots <= sizes - n_query[:, np.newaxis]).all()


def test_support_set_has_at_most_five_hundred_rows():
    shots = draw_shots(np.full((100, 50), 400), np.full(100, 10), 100, np.random.default_rng(0))
    assert shots.sum(axis=1).max() <= 500
    assert shots.sum(axis=1).max() > 450


def test_absent_classes_get_no_shot():
    shots = draw_shots(np.array([[9, 0, 9]]), np.array([4]), 5, np.random.default_rng(0))
    assert (shots > 0).tolist() == [[True, False, True]]


@pytest.mark.parametrize("alpha", [0.01, 0.5, 2.0, 1e4])
def test_unbalanced_query_sets_have_the_full_size(alpha):
    present = np.array([[True] * 5, [True, True, True, False, False]]).repeat(200, axis=0)
    counts = draw_unbalanced(present, 15, alpha, np.random.default_rng(0))
    assert (counts.sum(axis=1) == np.repeat([75, 45], 200)).all()
    assert (counts[~present] == 0).all()


def test_query_shares_follow_the_dirichlet_distribution():
    counts = draw_unbalanced(np.ones((4000, 5), dtype=bool), 200, 2.0, np.random.default_rng(0))
    share = counts / 1000
    # Variance of a share: (1/5)(4/5) / (5 * 2 + 1).
    assert share.mean(axis=0) == pytest.approx([0.2] * 5, abs=0.01)
    assert share.var(axis=0) == pytest.approx([0.16 / 11] * 5, rel=0.1)


def test_packing_puts_padding_at_the_end():
    rows = np.arange(12).reshape(2, 2, 3)
    packed, class_index = pack(rows, np.array([[1, 3], [2, 0]]))
    assert packed.tolist() == [[0, 3, 4, 5], [6, 7, -1, -1]]
    assert class_index.tolist() == [[0, 1, 1, 1], [0, 0, -1, -1]]


def test_full_rows_are_laid_side_by_side():
    packed, class_index = pack(np.arange(6).reshape(1, 2, 3), np.array([[3, 3]]))
    assert packed.tolist() == [[0, 1, 2, 3, 4, 5]]
    assert class_index.tolist() == [[0, 0, 0, 1, 1, 1]]
