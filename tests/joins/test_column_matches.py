import hashlib

import numpy as np
import pandas as pd
import pytest

from metafuse.joins.column_matches import NEITHER, beside, match_columns


def by_words(texts):
    """Embeddings that are alike as far as texts share words."""
    vectors = np.zeros((len(texts), 64))
    for row, text in enumerate(texts):
        for word in text.lower().split():
            vectors[row, hashlib.sha256(word.encode()).digest()[0] % 64] += 1
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def tables(seed=0):
    generator = np.random.default_rng(seed)
    towns = generator.choice(["berlin", "paris", "rome", "oslo"], 200)
    notes = [f"the {generator.choice(['door', 'lamp'])} is broken in {town}" for town in towns]
    left = pd.DataFrame(
        {
            "customer_town": towns,
            "note": notes,
            "opened_at": pd.Series(pd.date_range("2024-01-01", periods=200, freq="h").astype(str)),
            "weight": generator.normal(80, 10, 200),
        }
    )
    right = pd.DataFrame(
        {
            "mass": generator.normal(80, 10, 150),
            "town": generator.choice(["berlin", "paris", "rome"], 150),
            "colour": generator.choice(["red", "blue"], 150),
            "opened": pd.date_range("2024-01-02", periods=150, freq="h"),
        }
    )
    return left, right


@pytest.mark.parametrize("encode", [by_words, None])
def test_columns_are_matched_by_names_and_values(encode):
    left, right = tables()
    found = {match.left: match for match in match_columns(left, right, encode)}
    assert found["customer_town"].right == "town"
    assert found["opened_at"].right == "opened"
    assert "note" not in found
    assert "100% of the values in both" in found["customer_town"].why
    assert all(0.3 <= match.confidence <= 1 for match in found.values())


def test_the_surest_comes_first_and_none_comes_twice():
    left, right = tables()
    matches = match_columns(left, right.assign(town_again=right["town"]), by_words)
    assert [match.confidence for match in matches] == sorted((match.confidence for match in matches), reverse=True)
    assert len({match.right for match in matches}) == len({match.left for match in matches}) == len(matches)


def test_a_rival_lowers_the_confidence():
    left, right = tables()
    alone = next(match for match in match_columns(left, right, by_words) if match.right == "town")
    rival = match_columns(left, right.assign(towns=right["town"]), by_words)
    beside_rival = [match.confidence for match in rival if match.left == "customer_town"]
    assert not beside_rival or beside_rival[0] < alone.confidence


def test_nothing_in_common_is_no_match():
    assert match_columns(pd.DataFrame({"a": [1.0, 2.0]}), pd.DataFrame({"b": [None, None]}), None) == ()
    assert match_columns(pd.DataFrame({"zebra": ["x y", "z"]}), pd.DataFrame({"price": [1.0, 2.0]}), by_words) == ()


def test_probabilities_stand_beside_having_no_partner():
    logits = np.array([[NEITHER, NEITHER]])
    np.testing.assert_allclose(beside(logits), [[1 / 3, 1 / 3]])


def test_cells_that_are_no_plain_values_are_left_out():
    pictures = pd.DataFrame({"photo": [b"\x89PNG", b"\x89PNG"]})
    assert match_columns(pictures, pictures, None) == ()
