import numpy as np
import pandas as pd
import pytest

from metafuse.joins.by_meaning import describe_pair, match_meanings, plain_key
from metafuse.joins.matches import Side


def no_meaning(texts):
    """Embeddings of which no two are alike."""
    return np.eye(len(texts), dtype=np.float32)


def match(left, right, encode=no_meaning, threshold=0.8):
    sides = (
        Side(name, pd.DataFrame({"k": pd.Series(keys, dtype="str")})) for name, keys in (("l", left), ("r", right))
    )
    return match_meanings(*sides, threshold=threshold, encode=encode)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("  Café_Crème ", "cafe creme"),
        ("STRASSE-7", "strasse 7"),
        ("Straße 7", "strasse 7"),
        ("!?", "!?"),
        ("東京", "東京"),
    ],
)
def test_keys_lose_case_accents_and_punctuation(text, plain):
    assert plain_key(text) == plain


def test_spelling_is_compared_in_any_order_of_words_and_numbers_apart():
    assert describe_pair("abcd", "abce") == (0.75, False)  # 2 x 3 of 8 characters
    assert describe_pair("red shoe", "shoe red")[0] == 1.0
    assert describe_pair("model 12", "model 13")[1]


def test_keys_written_differently_but_alike_need_no_encoder():
    def refuse(texts):
        raise AssertionError

    found = match(["Café Crème", "GIMP!", None], ["gimp", "cafe creme", "GIMP"], encode=refuse)
    assert found.best.tolist() == [1, 0, -1]
    assert found.n_fitting.tolist() == [1, 2, 0]
    assert found.distance[:2].tolist() == [0.0, 0.0]
    assert found.left_reasons["have no key"].tolist() == [2]


def test_slips_are_matched_and_strangers_are_not():
    names = ["Libre Office Writer", "Blender Studio", "Krita Paint", "Audacity Recorder"]
    found = match(["Libre Ofice Writer", "Blneder Studio", "Quantum Chess"], names)
    assert found.best.tolist() == [0, 1, -1]
    assert (found.distance[:2] < 0.2).all()
    assert np.isnan(found.distance[2])


def test_another_number_is_another_thing():
    assert match(["pump model 13"], ["pump model 12", "valve"]).best.tolist() == [-1]


def test_two_as_good_are_left_alone_and_said_so():
    found = match(["center sample a"], ["center samples a", "center sample ax"], threshold=0.8)
    assert found.best.tolist() == [-1]
    assert found.left_reasons["mean the same as several keys of 'r'"].tolist() == [0]


def test_a_lower_threshold_matches_more():
    left, right = ["network printer"], ["networked printers", "scanner"]
    assert match(left, right, threshold=0.999).best.tolist() == [-1]
    assert match(left, right, threshold=0.1).best.tolist() == [0]


def test_no_key_at_all_matches_nothing():
    assert match([None, " "], ["a"]).best.tolist() == [-1, -1]
    assert match(["a"], [None]).best.tolist() == [-1]
