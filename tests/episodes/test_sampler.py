import dataclasses

import numpy as np
import pytest

from metafuse.episodes.base import PADDING, EpisodePool
from metafuse.episodes.sampler import EpisodeSampler
from metafuse.errors import ConfigError, EpisodeError
from metafuse.task import EpisodeSizes

N_CLASSES, N_ROWS = 12, 30
CLASS_ID = np.random.default_rng(0).permutation(np.repeat(np.arange(N_CLASSES), N_ROWS))
GROUP_ID = CLASS_ID // 4
# Groups of near-duplicates, most of them under several labels.
DUPLICATE_ID = np.where(
    np.arange(len(CLASS_ID)) % 5 == 0, np.random.default_rng(1).integers(20, size=len(CLASS_ID)), -1
)
KINDS = {
    "fixed": {},
    "one shot": {"n_way": 2, "k_shot": 1, "n_query": 1},
    "few rows left to query": {"n_way": 3, "k_shot": 20},
    "variable way": {"n_way": 10, "variable_way": True},
    "variable shot": {"k_shot": 20, "variable_shot": True},
    "variable both": {"n_way": 10, "k_shot": 20, "variable_way": True, "variable_shot": True},
    "within group": {"n_way": 3, "within_group": True},
    "within group, variable": {"n_way": 9, "within_group": True, "variable_way": True, "variable_shot": True},
    "unbalanced queries": {"query_alpha": 1.0},
    "everything": {
        **{"n_way": 9, "k_shot": 10, "variable_way": True, "variable_shot": True},
        **{"within_group": True, "query_alpha": 0.5},
    },
}


def pool(name="tickets", class_id=CLASS_ID, **columns):
    return EpisodePool(name, tuple(f"class {n}" for n in range(class_id.max() + 1)), class_id, **columns)


def sample(sizes, *pools, n_tasks=50, step=0, **options):
    return EpisodeSampler(pools or [pool(group_id=GROUP_ID)], sizes, n_tasks=n_tasks, seed=0, **options).batch(step)


def sides(episodes):
    """Rows of each episode's support and query set, without padding."""
    for support, query in zip(episodes.support, episodes.query, strict=True):
        yield support[support != PADDING], query[query != PADDING]


@pytest.mark.parametrize("duplicate_id", [None, DUPLICATE_ID], ids=["", "near-duplicates"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_row_is_twice_in_an_episode(kind, duplicate_id):
    episodes = sample(EpisodeSizes(**KINDS[kind]), pool(group_id=GROUP_ID, duplicate_id=duplicate_id), n_tasks=200)
    for support, query in sides(episodes):
        both = np.concatenate([support, query])
        assert len(support) > 0
        assert len(query) > 0
        assert len(np.unique(both)) == len(both)


@pytest.mark.parametrize("kind", KINDS)
def test_near_duplicates_stay_on_one_side(kind):
    episodes = sample(EpisodeSizes(**KINDS[kind]), pool(group_id=GROUP_ID, duplicate_id=DUPLICATE_ID), n_tasks=200)
    for support, query in sides(episodes):
        shared = set(DUPLICATE_ID[support]) & set(DUPLICATE_ID[query])
        assert shared <= {-1}


@pytest.mark.parametrize("kind", KINDS)
def test_every_row_has_its_own_class(kind):
    episodes = sample(EpisodeSizes(**KINDS[kind]))
    for rows, class_index in (
        (episodes.support, episodes.support_class_index),
        (episodes.query, episodes.query_class_index),
    ):
        there = rows != PADDING
        assert ((class_index == PADDING) == ~there).all()
        named = np.take_along_axis(episodes.classes, np.maximum(class_index, 0), axis=1)
        assert (CLASS_ID[rows[there]] == named[there]).all()
        # Every column holds a row of some episode, and padding stands at the end.
        assert there.any(axis=0).all()
        assert (np.diff(there.astype(int), axis=1) <= 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_classes_of_an_episode_differ_and_have_support(kind):
    episodes = sample(EpisodeSizes(**KINDS[kind]))
    for classes, class_index in zip(episodes.classes, episodes.support_class_index, strict=True):
        drawn = classes[classes != PADDING]
        assert len(set(drawn)) == len(drawn)
        assert set(class_index) - {PADDING} == set(range(len(drawn)))


@pytest.mark.parametrize("kind", KINDS)
def test_batch_depends_on_seed_and_step_only(kind):
    sizes, pools = EpisodeSizes(**KINDS[kind]), [pool("a", group_id=GROUP_ID), pool("b", group_id=GROUP_ID)]
    first, again = (EpisodeSampler(pools, sizes, n_tasks=8, seed=3) for _ in range(2))
    first.batch(0)
    for ours, theirs in zip(
        dataclasses.astuple(first.batch(7)), dataclasses.astuple(again.batch(7)), strict=True
    ):  # fmt: skip
        assert np.array_equal(ours, theirs)
    other = EpisodeSampler(pools, sizes, n_tasks=8, seed=4)
    assert not np.array_equal(first.batch(7).support, first.batch(9).support)
    assert not np.array_equal(first.batch(7).support, other.batch(7).support)


def test_fixed_episodes_have_the_sizes_asked_for():
    episodes = sample(EpisodeSizes(n_way=4, k_shot=3, n_query=2), n_tasks=7)
    assert len(episodes) == 7
    assert episodes.classes.shape == (7, 4)
    assert episodes.support_class_index.tolist() == [[0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]] * 7
    assert episodes.query_class_index.tolist() == [[0, 0, 1, 1, 2, 2, 3, 3]] * 7


def test_classes_and_rows_are_drawn_equally_often():
    episodes = sample(EpisodeSizes(n_way=4, k_shot=2, n_query=3), n_tasks=9000)
    for drawn, n_values, limit in (
        (episodes.classes, N_CLASSES, 31.3),
        (episodes.support, len(CLASS_ID), 449.0),
        (episodes.query, len(CLASS_ID), 449.0),
    ):
        counts = np.bincount(drawn.ravel(), minlength=n_values)
        expected = drawn.size / n_values
        # Below the 99.9 % point of chi-square with n - 1 degrees of freedom: draws without replacement vary less.
        assert np.square(counts - expected).sum() / expected < limit


def test_shots_and_queries_are_drawn_alike_from_near_duplicates():
    # Class 0 has a pair of near-duplicates and two single rows: three units, each in the support set a third of the
    # time, and each row of the pair half of that.
    class_id, duplicate_id = np.array([0, 0, 0, 0, 1, 1]), np.array([1, 1, -1, -1, -1, -1])
    episodes = sample(EpisodeSizes(n_way=2, k_shot=1), pool(class_id=class_id, duplicate_id=duplicate_id), n_tasks=6000)
    counts = np.bincount(episodes.support.ravel())[:4]
    assert counts / 6000 == pytest.approx([1 / 6, 1 / 6, 1 / 3, 1 / 3], abs=0.02)


def test_class_short_of_rows_gives_what_it_has():
    class_id = np.repeat([0, 1], [4, 40])
    episodes = sample(EpisodeSizes(n_way=2, k_shot=3, n_query=15), pool(class_id=class_id))
    for classes, class_index in zip(episodes.classes, episodes.query_class_index, strict=True):
        counts = np.bincount(class_index, minlength=2)
        assert counts[classes == 0] == [1]
        assert counts[classes == 1] == [15]


def test_variable_ways_lie_between_five_and_n_way():
    n_classes = (sample(EpisodeSizes(n_way=9, variable_way=True), n_tasks=300).classes != PADDING).sum(axis=1)
    assert np.unique(n_classes).tolist() == [5, 6, 7, 8, 9]


def test_variable_shots_are_within_bounds_and_queries_balanced():
    class_id = np.repeat(np.arange(6), [8, 20, 40, 80, 160, 320])
    sizes = EpisodeSizes(n_way=3, k_shot=50, n_query=10, variable_shot=True)
    episodes = sample(sizes, pool(class_id=class_id), n_tasks=300)
    for classes, support, query in zip(
        episodes.classes, episodes.support_class_index, episodes.query_class_index, strict=True
    ):
        available = np.bincount(class_id)[classes]
        n_support, n_query = (np.bincount(side[side != PADDING], minlength=3) for side in (support, query))
        assert set(n_query) == {min(10, available.min() // 2)}
        assert (n_support >= 1).all()
        assert (n_support <= np.minimum(50, available - n_query)).all()


def test_within_group_episodes_stay_in_one_group_and_groups_come_equally_often():
    episodes = sample(EpisodeSizes(n_way=3, within_group=True), n_tasks=3000)
    groups = episodes.classes // 4
    assert (groups == groups[:, :1]).all()
    assert np.bincount(groups[:, 0]) / 3000 == pytest.approx([1 / 3] * 3, abs=0.03)


def test_unbalanced_queries_keep_their_number():
    # 5 classes of 90 rows can give all 75 query rows from one class.
    episodes = sample(EpisodeSizes(query_alpha=0.3), pool(class_id=np.repeat(np.arange(5), 90)), n_tasks=300)
    counts = np.array([np.bincount(row, minlength=5) for row in episodes.query_class_index])
    assert (counts.sum(axis=1) == 75).all()
    assert counts.max() > 60


def test_unbalanced_queries_end_where_rows_do():
    episodes = sample(EpisodeSizes(query_alpha=0.3), n_tasks=300)
    counts = np.array([np.bincount(row[row != PADDING], minlength=5) for row in episodes.query_class_index])
    assert counts.max() == N_ROWS - 5


def test_each_source_comes_once_a_turn():
    pools = [pool("a"), pool("b", CLASS_ID[:180]), pool("c")]
    sampler = EpisodeSampler(pools, EpisodeSizes(), n_tasks=2, seed=0)
    turns = np.array([sampler.batch(step).source for step in range(60)]).reshape(20, 3)
    assert np.sort(turns, axis=1).tolist() == [[0, 1, 2]] * 20
    assert len(np.unique(turns, axis=0)) > 1


def test_sources_can_come_as_often_as_they_have_classes():
    pools = [pool("a", np.repeat(np.arange(5), 20)), pool("b", np.repeat(np.arange(15), 20))]
    sampler = EpisodeSampler(pools, EpisodeSizes(), n_tasks=1, seed=0, balance="class")
    assert np.mean([sampler.batch(step).source for step in range(1000)]) == pytest.approx(0.75, abs=0.05)


def test_classes_too_small_are_left_out_and_named():
    class_id = np.append(CLASS_ID, [12, 13, 13])
    sampler = EpisodeSampler([pool(), pool("bills", class_id)], EpisodeSizes(), n_tasks=500, seed=0)
    assert sampler.left_out == {"bills": ("class 12", "class 13")}
    assert max(sampler.batch(step).classes.max() for step in range(2)) == 11


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"balance": "rows"}, ConfigError, r"balance 'rows' is not known\. Use one of source, class"),
        ({"n_tasks": 0}, ConfigError, "n_tasks: expected at least one episode in a batch, got 0"),
        ({"seed": -1}, ConfigError, "seed: expected a whole number from 0, got -1"),
        ({"pools": []}, EpisodeError, "expected at least one source to draw episodes from, got none"),
        ({"pools": [pool(), pool()]}, EpisodeError, r"expected sources of different names, got several 'tickets'"),
        ({"sizes": EpisodeSizes(n_way=13)}, EpisodeError, "source 'tickets': n_way=13 needs 13 classes, got 12"),
    ],
)
def test_arguments_are_checked_before_the_first_draw(options, error, message):
    wanted = {"pools": [pool()], "sizes": EpisodeSizes(), "n_tasks": 2, "seed": 0} | options
    with pytest.raises(error, match=message):
        EpisodeSampler(wanted.pop("pools"), wanted.pop("sizes"), **wanted)


def test_steps_count_from_zero():
    with pytest.raises(ConfigError, match="step: expected a whole number from 0, got -1"):
        sample(EpisodeSizes(), step=-1)
