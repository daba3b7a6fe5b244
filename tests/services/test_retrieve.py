import numpy as np

from metafuse.index.factory import build_index
from metafuse.services.retrieve import Hit, retrieve

ROWS = np.array([[1, 0], [0.8, 0.6], [0, 1]], dtype=np.float32)


def test_best_first_with_similarities():
    index = build_index(["a", "b", "c"], ROWS, "cpu")
    hits = retrieve(index, ROWS[0], 2)
    assert [hit.row_id for hit in hits] == ["a", "b"]
    np.testing.assert_allclose([hit.similarity for hit in hits], [1, 0.8], atol=1e-6)


def test_the_query_row_is_left_out_and_still_k_are_found():
    index = build_index(["a", "b", "c"], ROWS, "cpu")
    assert [hit.row_id for hit in retrieve(index, ROWS[0], 2, exclude_id="a")] == ["b", "c"]


def test_fewer_hits_where_the_index_holds_fewer():
    assert retrieve(build_index(["a"], ROWS[:1], "cpu"), ROWS[0], 5) == [Hit("a", 1.0)]
