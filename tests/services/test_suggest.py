import numpy as np
import pytest

from metafuse.errors import ConfigError
from metafuse.services.suggest import suggest_labels

NAMES = ["late", "broken"]


def unsure_groups() -> tuple[np.ndarray, np.ndarray]:
    """Three groups of 20 rows: the model is sure of the first, unsure of the second, wrong-footed by the third."""
    rng = np.random.default_rng(0)
    rows = np.eye(8)[np.repeat([0, 1, 2], 20)] + 0.05 * rng.standard_normal((60, 8))
    chances = np.repeat([[0.99, 0.01], [0.55, 0.45], [0.9, 0.1]], 20, axis=0)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), chances


def test_unsure_and_novel_groups_are_asked_about_first():
    rows, chances = unsure_groups()
    p_values = np.repeat([0.8, 0.8, 0.01], 20)
    chosen = suggest_labels(rows, chances, np.full(60, -1), NAMES, p_values=p_values, n=2)
    assert sorted(entry.row // 20 for entry in chosen) == [1, 2]
    reasons = {entry.row // 20: entry.reason for entry in chosen}
    assert reasons[1].startswith("between 'late' (55%) and 'broken' (45%)")
    assert reasons[2] == "unlike every known class (p-value 0.01)"


def test_labelled_and_empty_rows_and_copies_are_not_suggested():
    rows, chances = unsure_groups()
    labels = np.full(60, -1)
    labels[20:30] = 0
    rows[30] = 0
    rows[31] = rows[32]
    chosen = {entry.row for entry in suggest_labels(rows, chances, labels, NAMES, n=60)}
    assert len(chosen) == 60 - 10 - 1 - 1
    assert not chosen & {*range(20, 30), 30, 32}


def test_suggestions_are_different_rows_and_repeat_with_the_seed():
    rows, chances = unsure_groups()
    first, second = (suggest_labels(rows, chances, np.full(60, -1), NAMES, n=15, seed=4) for _ in range(2))
    assert first == second
    assert len({entry.row for entry in first}) == 15


def test_nothing_is_left_when_all_is_labelled():
    rows, chances = unsure_groups()
    assert suggest_labels(rows, chances, np.zeros(60, dtype=int), NAMES) == []


def test_n_below_one_and_one_class_are_refused():
    rows, chances = unsure_groups()
    with pytest.raises(ConfigError, match="n must be at least 1, got 0"):
        suggest_labels(rows, chances, np.full(60, -1), NAMES, n=0)
    with pytest.raises(ConfigError, match="at least two classes, got 1"):
        suggest_labels(rows, chances[:, :1], np.full(60, -1), NAMES[:1])
