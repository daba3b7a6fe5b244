import numpy as np
import pytest

from metafuse.errors import ShapeError
from metafuse.features import Features
from metafuse.schema import Modality
from metafuse.services.anomaly import find_anomalies, nearest_normal

N, DIM = 120, 12


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def around(axes: np.ndarray, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal((len(axes), DIM))
    return unit(np.eye(DIM)[axes] + 0.08 * noise)


def source(note: np.ndarray, photo: np.ndarray, has_photo: np.ndarray | None = None) -> Features:
    has_photo = np.ones(len(note), dtype=bool) if has_photo is None else has_photo
    photo = np.where(has_photo[:, None], photo, 0).astype(np.float32)
    return Features(
        {"note": note, "photo": photo},
        {"note": np.ones(len(note), dtype=bool), "photo": has_photo},
        {"note": Modality.TEXT, "photo": Modality.IMAGE},
    )


@pytest.fixture
def topics() -> np.ndarray:
    return np.arange(N) % 3


def test_a_row_strange_in_one_column_comes_first_with_that_reason(topics):
    note, photo = around(topics, 0), around(topics, 1)
    photo[7] = unit(np.ones((1, DIM)) * np.where(np.arange(DIM) > 5, 1, -1))[0]
    found = find_anomalies(source(note, photo), device="cpu")
    assert found.anomaly_score.argmax() == 7
    assert "photo" in [name for name, _ in found.reasons(7)]
    assert "note" not in [name for name, _ in found.reasons(7)]


def test_columns_that_contradict_each_other_count(topics):
    note, photo = around(topics, 0), around(topics, 1)
    photo[7] = photo[8]  # the photo of another topic, usual in itself
    found = find_anomalies(source(note, photo), device="cpu")
    assert 7 in np.argsort(-found.anomaly_score)[:3]
    assert found.reasons(7)[0][0] in {"photo against note", "note against photo"}


def test_a_missing_column_is_no_anomaly(topics):
    note, photo = around(topics, 0), around(topics, 1)
    has_photo = np.arange(N) % 10 != 0
    found = find_anomalies(source(note, photo, has_photo), device="cpu")
    assert (found.shares["photo"][~has_photo] == 1).all()
    assert not {0, 10, 20} & set(np.argsort(-found.anomaly_score)[:3])


def test_a_small_group_of_like_rows_is_no_anomaly_and_a_copied_oddity_is(topics):
    axes = topics.copy()
    axes[:15] = 5  # 15 rows of their own kind
    note = around(axes, 0)
    note[50] = note[51] = np.eye(DIM, dtype=np.float32)[9]
    found = find_anomalies(source(note, around(axes, 1)), device="cpu")
    assert set(np.argsort(-found.anomaly_score)[:2]) == {50, 51}
    assert np.mean(np.argsort(np.argsort(-found.anomaly_score))[:15]) > 20


def test_an_absurd_number_is_called_by_its_column(topics):
    note, photo = around(topics, 0), around(topics, 1)
    weight = np.random.default_rng(2).normal(2, 0.3, N)
    weight[3], weight[4] = 4810, np.nan
    found = find_anomalies(source(note, photo), numbers={"weight_kg": weight}, device="cpu")
    name, share = found.reasons(3)[0]
    assert name == "weight_kg"
    assert share < 1 / (N - 1)  # first of the 119 weighed, and far beyond the second
    assert found.shares["weight_kg"][4] == 1


def test_nearest_normal_rows_are_like_the_row_and_not_itself(topics):
    note = around(topics, 0)
    found = find_anomalies(source(note, around(topics, 1)), device="cpu")
    near = nearest_normal(note, found.anomaly_score, np.arange(N), device="cpu")
    assert (topics[near] == topics[:, None]).all()
    assert not (near == np.arange(N)[:, None]).any()


def test_too_few_rows_to_judge_score_nothing():
    note = around(np.arange(3), 0)
    found = find_anomalies(source(note, note), device="cpu")
    assert found.anomaly_score.tolist() == [0, 0, 0]
    assert found.reasons(0) == []


def test_same_input_same_result(topics):
    features = source(around(topics, 0), around(topics, 1))
    first, second = (find_anomalies(features, device="cpu") for _ in range(2))
    assert np.array_equal(first.anomaly_score, second.anomaly_score)


def test_other_number_of_rows_is_refused(topics):
    note = around(topics, 0)
    with pytest.raises(ShapeError, match="expected the same number of rows in all"):
        find_anomalies(source(note, note), numbers={"price": np.zeros(5)}, device="cpu")
