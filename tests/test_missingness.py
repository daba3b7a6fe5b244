import numpy as np

from metafuse.missingness import GapPattern, map_missing


def mask(text: str) -> np.ndarray:
    return np.array([letter == "x" for letter in text])


def test_gaps_are_counted_by_stretch_of_rows():
    found = map_missing({"full": mask("xxxx"), "photo": mask("xx.."), "note": mask("x.x.")}, n_stretches=2)
    assert found.columns == ("photo", "note")
    assert found.shares == ((0.0, 1.0), (0.5, 0.5))


def test_columns_missing_together_are_counted_most_frequent_first():
    found = map_missing({"a": mask("x...x"), "b": mask("x..xx"), "c": mask("xxxxx")})
    assert found.patterns == (GapPattern(("a", "b"), 2), GapPattern(("a",), 1))
    assert found.n_complete == 2


def test_a_source_without_gaps_has_no_columns_to_show():
    found = map_missing({"a": mask("xxx")})
    assert (found.columns, found.shares, found.patterns, found.n_complete) == ((), (), (), 3)


def test_no_column_at_all_is_no_error():
    assert map_missing({}).n_complete == 0


def test_more_than_eight_columns_keep_their_names_apart():
    present = {f"c{at}": mask("x.") for at in range(9)} | {"c9": mask("..")}
    found = map_missing(present)
    everything = tuple(f"c{at}" for at in range(10))
    assert found.patterns == (GapPattern(everything, 1), GapPattern(("c9",), 1))
