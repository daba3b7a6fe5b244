from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from metafuse.duplicates import NEAR, find_near_repeats, find_repeats, image_keys
from metafuse.sources.media import Media

DATA = Path(__file__).parents[2] / "shared" / "data"


def test_equal_rows_are_grouped_and_missing_equals_missing():
    keys = pd.DataFrame({"a": ["x", "y", "x", "x", None], "b": [1.0, None, 1.0, 2.0, None]})
    found = find_repeats(keys, list("pqrst"))
    assert (found.n_rows, found.groups, found.n_examined) == (1, (("p", "r"),), 4)


def test_objects_of_several_types_are_compared():
    keys = pd.DataFrame({"a": pd.Series([1, "x", 1, None], dtype=object)})
    assert find_repeats(keys, list("pqrs")).groups == (("p", "r"),)


def test_nothing_to_compare_finds_nothing():
    assert find_repeats(pd.DataFrame(index=range(3)), list("abc")).n_examined == 0
    assert find_near_repeats(pd.Series([None, "a"], dtype=object), ["1", "2"]).pairs == ()


def test_images_are_compared_by_content_and_broken_ones_left_out(tmp_path):
    for name, colour in (("a.png", "red"), ("b.png", "red"), ("c.png", "blue")):
        Image.new("RGB", (4, 4), colour).save(tmp_path / name)
    cells = pd.Series(["a.png", "b.png", "c.png", "gone.png", None])
    keys = image_keys(cells, Media(root=tmp_path))
    assert keys[0] == keys[1] != keys[2]
    assert keys[3] is None
    assert find_repeats(keys.to_frame(), list("pqrst")).groups == (("p", "q"),)
    assert image_keys(cells, None).tolist() == ["a.png", "b.png", "c.png", "gone.png", None]


def _sentences(n: int) -> list[str]:
    generator = np.random.default_rng(0)
    syllables = [a + b for a in "bcdfglmnprst" for b in "aeiou"]
    return [" ".join("".join(generator.choice(syllables, 3)) for _ in range(12)) for _ in range(n)]


def test_reworded_rows_are_found_and_exact_ones_left_to_the_other_check():
    texts = _sentences(300)
    texts[7] = f"{texts[3]}."
    texts[9] = texts[5]
    found = find_near_repeats(pd.Series(texts), [f"r{row}" for row in range(300)])
    assert found.n_rows == 2
    assert [pair[:2] for pair in found.pairs] == [("r3", "r7")]
    assert found.pairs[0][2] >= NEAR
    assert found.n_examined == 299


def test_rows_are_named_by_position_whatever_the_index_holds():
    texts = _sentences(20)
    texts[7] = f"{texts[3]}."
    found = find_near_repeats(pd.Series(texts, index=[0] * 20), [f"r{row}" for row in range(20)])
    assert [pair[:2] for pair in found.pairs] == [("r3", "r7")]


def test_same_rows_give_the_same_answer():
    texts = pd.Series([*_sentences(50), *[f"{text}!" for text in _sentences(50)]])
    ids = [str(row) for row in range(100)]
    assert find_near_repeats(texts, ids) == find_near_repeats(texts, ids)


@pytest.mark.skipif(not DATA.is_dir(), reason="the real data sets are not here")
def test_most_near_repeats_of_real_queries_are_found():
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = pd.read_csv(DATA / "banking77" / "test.csv")["text"].drop_duplicates().reset_index(drop=True)
    matrix = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 3), sublinear_tf=True).fit_transform(texts)
    cosines = (matrix @ matrix.T).toarray()
    np.fill_diagonal(cosines, 0)
    expected = int((cosines >= NEAR).any(axis=1).sum())
    found = find_near_repeats(texts, [str(row) for row in range(len(texts))])
    assert 0.9 * expected <= found.n_rows <= 1.1 * expected
    assert all(first[2] >= second[2] for first, second in pairwise(found.pairs))
