import numpy as np
import pytest

from metafuse.errors import ArtifactError, ConfigError, ShapeError
from metafuse.index.factory import build_index
from metafuse.index.faiss_index import IDS_FILE, VECTORS_FILE, FaissIndex, load_index
from metafuse.index.ivf import build_ivf


def unit(n: int, dim: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def named(n: int) -> list[str]:
    return [f"row-{at}" for at in range(n)]


def test_search_agrees_with_brute_force():
    rows, queries = unit(200, 12), unit(30, 12, seed=1)
    similarities, ids = build_index(named(200), rows, "cpu").search(queries, 7)
    expected = np.argsort(-(queries @ rows.T), axis=1)[:, :7]
    assert ids == [[f"row-{at}" for at in row] for row in expected]
    np.testing.assert_allclose(similarities, np.take_along_axis(queries @ rows.T, expected, axis=1), atol=1e-6)


def test_rows_added_later_are_found_under_their_ids():
    rows = unit(50, 8)
    index = build_index(named(40), rows[:40], "cpu")
    index.add(["late-a", "late-b"], rows[40:42])
    similarities, ids = index.search(rows[41:42], 1)
    assert ids == [["late-b"]]
    assert similarities[0, 0] == pytest.approx(1)
    assert len(index) == 42


def test_equal_rows_come_in_the_order_they_were_added():
    rows = np.tile(unit(1, 6), (40, 1))
    assert build_index(named(40), rows, "cpu").search(rows[:1], 5)[1] == [named(5)]


def test_k_beyond_the_index_returns_all_rows():
    index = build_index(named(3), unit(3, 4), "cpu")
    similarities, ids = index.search(unit(2, 4, seed=1), 10)
    assert similarities.shape == (2, 3)
    assert sorted(ids[0]) == named(3)


def test_empty_index_finds_nothing():
    index = build_index([], np.zeros((0, 4), dtype=np.float32), "cpu")
    assert index.search(unit(2, 4), 5)[1] == [[], []]


def test_loaded_index_gives_the_same_answers_and_takes_rows(tmp_path):
    rows, queries = unit(60, 8), unit(9, 8, seed=1)
    index = build_index(["naïve", *named(59)], rows, "cpu")
    files = index.save(tmp_path / "index")
    loaded = load_index(tmp_path / "index", "cpu")
    assert sorted(path.name for path in files) == sorted([IDS_FILE, VECTORS_FILE])
    before, after = index.search(queries, 60), loaded.search(queries, 60)
    assert np.array_equal(before[0], after[0])
    assert before[1] == after[1]
    loaded.add(["new"], rows[:1])
    assert len(loaded) == 61


def test_description_says_what_searches_and_where():
    assert build_index(named(5), unit(5, 4), "cpu").description == "exact, 5 x 4, cpu"


def test_query_of_another_dimension_is_refused():
    with pytest.raises(ShapeError, match="queries: expected 4 dimensions, got 5"):
        build_index(named(3), unit(3, 4), "cpu").search(unit(1, 5), 1)


def test_nan_is_refused_and_its_place_named():
    rows = unit(3, 4)
    rows[2, 0] = np.nan
    with pytest.raises(ShapeError, match="NaN or infinity in 1 of 3 rows, the first at position 2"):
        build_index(named(3), rows, "cpu")


@pytest.mark.parametrize("ids", [["row-1", "x"], ["x", "x"]])
def test_an_id_twice_is_refused_and_nothing_is_added(ids):
    index = build_index(named(3), unit(3, 4), "cpu")
    with pytest.raises(ConfigError, match="is in the index already"):
        index.add(ids, unit(2, 4, seed=1))
    assert len(index) == 3


def test_ids_must_be_as_many_as_rows():
    with pytest.raises(ShapeError, match="got 2 ids and 3 embeddings"):
        build_index(named(2), unit(3, 4), "cpu")


def test_k_of_zero_is_refused():
    with pytest.raises(ConfigError, match="k must be at least 1, got 0"):
        build_index(named(3), unit(3, 4), "cpu").search(unit(1, 4), 0)


def test_missing_and_damaged_and_foreign_files_are_refused(tmp_path):
    with pytest.raises(ArtifactError, match="cannot be read"):
        load_index(tmp_path, "cpu")
    build_index(named(3), unit(3, 4), "cpu").save(tmp_path)
    (tmp_path / IDS_FILE).write_text('["a"]')
    with pytest.raises(ArtifactError, match="holds 3 rows"):
        load_index(tmp_path, "cpu")
    (tmp_path / IDS_FILE).write_text('["a", "b", "c"]')
    (tmp_path / VECTORS_FILE).write_bytes(b"not an index")
    with pytest.raises(ArtifactError, match="cannot be read"):
        load_index(tmp_path, "cpu")


def test_approximate_index_finds_most_of_what_exact_search_finds():
    centres = unit(50, 30)
    rng = np.random.default_rng(0)
    rows = centres[rng.integers(50, size=4000)] + 0.1 * rng.standard_normal((4000, 30)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    index = FaissIndex(build_ivf(rows))  # 30 dimensions: padded to 32 for the codes
    index.add(named(4000), rows)
    similarities, ids = index.search(rows[:200], 10)
    exact = build_index(named(4000), rows, "cpu").search(rows[:200], 10)[1]
    recall = np.mean([len({*got} & {*true}) / 10 for got, true in zip(ids, exact, strict=True)])
    assert recall > 0.9
    assert [row[0] for row in ids] == named(200)
    np.testing.assert_allclose(similarities[:, 0], 1, atol=1e-5)
    assert index.description == "approximate, 4000 x 30, cpu"
