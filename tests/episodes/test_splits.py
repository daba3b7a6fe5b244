import numpy as np
import pytest

from metafuse.episodes.splits import episode_pools, split_classes
from metafuse.errors import ConfigError, EpisodeError, ShapeError
from metafuse.task import ClassSpec

LABELS = tuple("abcdefghij")
GROUPS = dict(zip(LABELS, "1111223333", strict=True))


def test_lists_are_taken_and_training_gets_the_rest():
    found = split_classes("cab", None, ClassSpec(meta_val=("a",), meta_test=("b",)), name="tickets")
    assert found == {"meta_train": ("c",), "meta_val": ("a",), "meta_test": ("b",)}


def test_classes_in_no_list_are_left_out_when_training_is_listed():
    found = split_classes("abcd", None, ClassSpec(meta_train=("d", "a"), meta_val=("c",)), name="tickets")
    assert found == {"meta_train": ("a", "d"), "meta_val": ("c",), "meta_test": ()}


def test_shares_are_disjoint_and_cover_all_classes():
    found = split_classes(LABELS, None, ClassSpec(meta_val=0.2, meta_test=0.3), name="tickets")
    assert {split: len(labels) for split, labels in found.items()} == {"meta_train": 5, "meta_val": 2, "meta_test": 3}
    assert sorted(sum(found.values(), ())) == list(LABELS)


def test_shares_are_drawn_with_the_seed_whatever_the_order():
    spec = ClassSpec(meta_val=0.3, seed=1)
    first, again = (split_classes(labels, None, spec, name="tickets") for labels in (LABELS, LABELS[::-1]))
    assert set(first["meta_val"]) == set(again["meta_val"])
    others = {
        split_classes(LABELS, None, ClassSpec(meta_val=0.3, seed=seed), name="t")["meta_val"] for seed in range(9)
    }
    assert len(others) > 1


def test_test_classes_stay_when_only_the_validation_share_changes():
    found = [split_classes(LABELS, None, ClassSpec(meta_val=share, meta_test=0.3), name="t") for share in (0.1, 0.4)]
    assert found[0]["meta_test"] == found[1]["meta_test"]


def test_a_share_leaves_listed_classes_where_they_are():
    for seed in range(20):
        found = split_classes(LABELS, None, ClassSpec(meta_val=0.5, meta_test=("a", "b"), seed=seed), name="tickets")
        assert found["meta_test"] == ("a", "b")
        assert len(found["meta_val"]) == 5
        assert not set(found["meta_val"]) & {"a", "b"}


def test_shares_take_whole_groups():
    for seed in range(20):
        found = split_classes(LABELS, GROUPS, ClassSpec(meta_val=0.2, meta_test=0.2, seed=seed), name="tickets")
        groups = [{GROUPS[label] for label in labels} for labels in found.values()]
        assert sum(map(len, groups)) == len(set().union(*groups))
        assert found["meta_val"]
        assert found["meta_test"]


def test_labels_without_a_group_are_groups_of_their_own():
    found = split_classes("abcd", {"a": "b"}, ClassSpec(meta_val=0.25), name="tickets")
    assert len(found["meta_val"]) == 1


def test_unknown_label_is_named_beside_the_known_ones():
    message = (
        r"source 'tickets': meta_val names 'x', which no row is labelled with; the labels are 'a', 'b'\. Name some"
    )
    with pytest.raises(EpisodeError, match=message):
        split_classes("ab", None, ClassSpec(meta_val=("x",)), name="tickets")


def test_only_the_first_of_many_known_labels_are_named():
    with pytest.raises(EpisodeError, match="'l9' and 20 more"):
        split_classes([f"l{n}" for n in range(30)], None, ClassSpec(meta_val=("x",)), name="tickets")


def test_label_in_two_lists_is_refused():
    with pytest.raises(EpisodeError, match="class 'a' is in meta_val of source 'tickets' and in meta_test of source"):
        split_classes("ab", None, ClassSpec(meta_val=("a",), meta_test=("a",)), name="tickets")


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_share_outside_its_range_is_refused(share):
    with pytest.raises(ConfigError, match=r"source 'tickets': expected a meta_val share from 0 to below 1, got"):
        split_classes("ab", None, ClassSpec(meta_val=share), name="tickets")


def test_shares_that_leave_nothing_to_train_on_are_refused():
    with pytest.raises(ConfigError, match=r"shares of less than 1 together, got .*left for meta_train"):
        split_classes("ab", None, ClassSpec(meta_val=0.5, meta_test=0.5), name="tickets")


def test_pools_number_the_classes_of_their_split():
    spec = ClassSpec(meta_val=("b",), meta_test=("c",))
    pools = episode_pools("tickets", ["b", "a", None, "c", "d", "a"], spec)
    assert pools["meta_train"].classes == ("a", "d")
    assert pools["meta_train"].class_id.tolist() == [-1, 0, -1, -1, 1, 0]
    assert pools["meta_val"].class_id.tolist() == [0, -1, -1, -1, -1, -1]
    assert (pools["meta_test"].name, pools["meta_test"].split) == ("tickets", "meta_test")
    assert pools["meta_train"].group_id is None
    assert pools["meta_train"].duplicate_id is None


def test_missing_groups_and_duplicates_are_minus_one():
    pools = episode_pools(
        "tickets",
        ["a", "a", "b", "b"],
        ClassSpec(),
        group=["x", None, "y", "x"],
        duplicate=np.array([7.0, 7, np.nan, 8]),
    )
    assert pools["meta_train"].group_id.tolist() == [0, -1, 1, 0]
    assert pools["meta_train"].duplicate_id.tolist() == [0, 0, -1, 1]


def test_class_in_several_groups_is_split_with_the_commonest():
    # a and b belong together in x, though one row of b lies in y.
    labels, group = ["a", "b", "b", "b", "c"], ["x", "x", "x", "y", "y"]
    for seed in range(10):
        pools = episode_pools("tickets", labels, ClassSpec(meta_val=0.4, seed=seed), group=group)
        assert {pools["meta_train"].classes, pools["meta_val"].classes} == {("a", "b"), ("c",)}


def test_columns_of_other_lengths_are_refused():
    with pytest.raises(ShapeError, match=r"source 'tickets': expected one value a row in each of .*'labels': 2"):
        episode_pools("tickets", ["a", "b"], ClassSpec(), group=["x"])


def test_a_near_duplicate_stays_in_the_latest_split_alone():
    labels = ["a", "b", "c", "a", "b", "a", "a", None]
    # u lies in all splits, v in training and validation, w in training and an unlabelled row; the rest has none.
    duplicate = ["u", "u", "u", "v", "v", None, "w", "w"]
    pools = episode_pools("tickets", labels, ClassSpec(meta_val=("b",), meta_test=("c",)), duplicate=duplicate)
    assert pools["meta_train"].class_id.tolist() == [-1, -1, -1, -1, -1, 0, 0, -1]
    assert pools["meta_val"].class_id.tolist() == [-1, -1, -1, -1, 0, -1, -1, -1]
    assert pools["meta_test"].class_id.tolist() == [-1, -1, 0, -1, -1, -1, -1, -1]


def test_near_duplicates_within_a_split_keep_their_classes():
    pools = episode_pools("tickets", ["a", "b"], ClassSpec(), duplicate=["u", "u"])
    assert pools["meta_train"].class_id.tolist() == [0, 1]
