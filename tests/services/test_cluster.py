import numpy as np
import pytest

from metafuse.errors import ConfigError, ShapeError
from metafuse.services.cluster import cluster

DIM = 16
WORDS = ("battery charger", "cracked housing", "insects crawling", "wrong colour")


def groups(n_groups: int, n_rows: int = 40, spread: float = 0.15) -> tuple[np.ndarray, np.ndarray]:
    """Well separated groups around the axes, one after the other."""
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(n_groups), n_rows)
    rows = np.eye(DIM)[truth] + spread * rng.standard_normal((len(truth), DIM)) / 2
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), truth


def few_labels(truth: np.ndarray, known: list[int], shots: int = 3) -> np.ndarray:
    labels = np.full(len(truth), -1)
    for class_index, group in enumerate(known):
        labels[np.flatnonzero(truth == group)[:shots]] = class_index
    return labels


def test_classes_are_kept_and_the_unlabelled_group_is_found_and_named():
    rows, truth = groups(4)
    texts = [f"{WORDS[group]} number {at}" for at, group in enumerate(truth)]
    found = cluster(rows, few_labels(truth, [1, 0, 3]), ["housing", "battery", "colour"], texts=texts)
    assert [entry.name for entry in found.clusters[:3]] == ["housing", "battery", "colour"]
    assert [entry.is_new for entry in found.clusters] == [False, False, False, True]
    assert set(found.clusters[3].words[:2]) == {"crawling", "insects"}
    assert np.array_equal(found.assignment, np.array([1, 0, 3, 2])[truth])
    assert all(truth[row] == 2 for row in found.clusters[3].central_rows)
    assert found.is_estimated


def test_without_labels_the_number_of_groups_is_estimated():
    rows, truth = groups(5)
    found = cluster(rows, np.full(len(rows), -1), [])
    assert [entry.n_rows for entry in found.clusters] == [40] * 5
    assert len({(a, b) for a, b in zip(found.assignment, truth, strict=True)}) == 5
    assert found.clusters[0].name == "group 1"


@pytest.mark.parametrize("n_clusters", [2, 3, 5, 9])
def test_a_given_number_of_clusters_is_met(n_clusters):
    rows, truth = groups(4)
    found = cluster(rows, few_labels(truth, [0, 1]), ["a", "b"], n_clusters=n_clusters)
    assert len(found.clusters) == n_clusters
    assert not found.is_estimated


def test_labelled_rows_never_leave_their_class():
    rows, truth = groups(3)
    labels = few_labels(truth, [0, 1])
    labels[np.flatnonzero(truth == 2)[0]] = 0  # a label that the embedding contradicts
    found = cluster(rows, labels, ["a", "b"])
    assert np.array_equal(found.assignment[labels >= 0], labels[labels >= 0])


def test_a_group_that_the_classes_explain_is_not_new():
    rows, truth = groups(3)
    labels = few_labels(truth, [0, 1])
    chances = np.full((len(rows), 2), 0.5)
    explained = cluster(rows, labels, ["a", "b"], probabilities=chances, p_values=np.full(len(rows), 0.9))
    assert len(explained.clusters) == 2
    unexplained = np.where(truth == 2, 0.01, 0.9)
    assert len(cluster(rows, labels, ["a", "b"], probabilities=chances, p_values=unexplained).clusters) == 3


def test_same_seed_same_result():
    rows, truth = groups(4, spread=0.6)
    first, second = (cluster(rows, few_labels(truth, [0, 1]), ["a", "b"], seed=3) for _ in range(2))
    assert np.array_equal(first.assignment, second.assignment)
    assert first.clusters == second.clusters


def test_rows_without_an_embedding_stay_out():
    rows, truth = groups(3)
    rows[5] = 0
    found = cluster(rows, few_labels(truth, [0, 1]), ["a", "b"])
    assert found.assignment[5] == -1
    assert sum(entry.n_rows for entry in found.clusters) == len(rows) - 1


@pytest.mark.parametrize("n_rows", [0, 1, 2])
def test_hardly_any_rows_are_one_group(n_rows):
    found = cluster(np.eye(DIM, dtype=np.float32)[:n_rows], np.full(n_rows, -1), [])
    assert found.assignment.tolist() == [0] * n_rows


def test_equal_rows_are_clustered_without_complaint():
    found = cluster(np.tile(np.eye(DIM, dtype=np.float32)[:1], (30, 1)), np.full(30, -1), [])
    assert set(found.assignment) == {0}


def test_fewer_clusters_than_classes_are_refused():
    rows, truth = groups(3)
    with pytest.raises(ConfigError, match=r"expected 3 \(the classes\) to 114 .* got 2"):
        cluster(rows, few_labels(truth, [0, 1, 2], shots=3), ["a", "b", "c"], n_clusters=2)


def test_more_clusters_than_rows_are_refused():
    rows, _ = groups(2, n_rows=5)
    with pytest.raises(ConfigError, match="got 11"):
        cluster(rows, np.full(10, -1), [], n_clusters=11)


def test_other_number_of_texts_is_refused():
    rows, _ = groups(2)
    with pytest.raises(ShapeError, match=r"one row per embedding \(80\)"):
        cluster(rows, np.full(80, -1), [], texts=["one"])


def test_nan_is_refused():
    rows, _ = groups(2)
    rows[0, 0] = np.nan
    with pytest.raises(ShapeError, match="NaN or infinity"):
        cluster(rows, np.full(80, -1), [])
