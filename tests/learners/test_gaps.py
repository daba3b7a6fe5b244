from dataclasses import replace

import numpy as np
import pytest

from metafuse.adaptation import adapt_features
from metafuse.features import Features
from metafuse.learners.gaps import GapReference, sample_references
from metafuse.schema import Modality

N = 300
MODALITIES = {"note": Modality.TEXT, "photo": Modality.IMAGE}


def two_columns(seed: int = 0) -> tuple[Features, np.ndarray]:
    """Three classes that both columns show, and their class of each row."""
    generator = np.random.default_rng(seed)
    classes = np.arange(N) % 3
    matrices = {
        name: (np.eye(3)[classes] @ np.eye(3, dim) + 0.25 * generator.standard_normal((N, dim))).astype(np.float32)
        for name, dim in (("note", 16), ("photo", 24))
    }
    return Features(matrices, {name: np.ones(N, dtype=bool) for name in matrices}, MODALITIES), classes


def without(features: Features, name: str) -> Features:
    return replace(
        features,
        matrices={**features.matrices, name: np.zeros_like(features.matrices[name])},
        present={**features.present, name: np.zeros(len(features), dtype=bool)},
    )


def first_column(features: Features) -> np.ndarray:
    """A score that a missing photo raises by ten."""
    return features.matrices["note"][:, 0] + 10 * ~features.present["photo"]


@pytest.fixture
def reference() -> GapReference:
    features, _ = two_columns()
    return GapReference(features, first_column(features))


def test_scores_of_cut_rows_come_back_to_what_whole_rows_score(reference):
    features, _ = two_columns(seed=1)
    cut = without(features, "photo")
    matched = reference.match(first_column(cut), cut, first_column)
    np.testing.assert_allclose(matched, first_column(features), atol=1e-3)


def test_whole_rows_keep_their_scores(reference):
    features, _ = two_columns(seed=1)
    np.testing.assert_array_equal(
        reference.match(first_column(features), features, first_column), first_column(features).astype(np.float32)
    )


def test_what_becomes_of_a_row_does_not_depend_on_the_others(reference):
    features, _ = two_columns(seed=1)
    cut = without(features, "photo")
    together = reference.match(first_column(cut), cut, first_column)
    alone = cut.take(np.array([7]))
    assert reference.match(first_column(alone), alone, first_column)[0] == together[7]


def test_with_few_references_scores_are_left():
    features, _ = two_columns()
    few = features.take(np.arange(20))
    cut = without(few, "photo")
    left = GapReference(few, first_column(few)).match(first_column(cut), cut, first_column)
    np.testing.assert_array_equal(left, first_column(cut).astype(np.float32))


def test_references_come_from_support_and_pool_alike():
    features, _ = two_columns()
    drawn = sample_references(features.take(np.arange(30)), features.take(np.arange(30, N)), seed=0)
    assert len(drawn) == N
    np.testing.assert_array_equal(drawn.matrices["note"], features.matrices["note"])


@pytest.mark.parametrize("lost", ["note", "photo"])
def test_rows_without_a_column_are_not_called_unknown_for_that(lost):
    features, classes = two_columns()
    known = np.where(np.arange(N) < 30, classes, -1)
    model = adapt_features(features, known, class_shots=None, learner="auto", fusion="auto", seed=0, device="cpu")
    later, _ = two_columns(seed=1)
    assert (model.p_values(later) < 0.05).mean() < 0.12
    assert (model.p_values(without(later, lost)) < 0.05).mean() < 0.12
