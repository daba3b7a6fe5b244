import pyarrow as pa
import pytest

from metafuse.errors import SourceError
from metafuse.sources.base import Quarantined, Rows, check_columns, collect
from metafuse.sources.media import Media


def test_batches_are_collected_with_the_quarantine():
    bad = Quarantined("line 2", None, "has 1 fields")
    rows = Rows(iter([pa.RecordBatch.from_pydict({"a": [1]}), pa.RecordBatch.from_pydict({"a": [2]})]), [bad])
    dataset = collect("t", rows, Media())
    assert dataset.frame["a"].tolist() == [1, 2]
    assert dataset.quarantine == (bad,)


def test_no_rows_are_an_error_that_counts_what_was_left_out():
    rows = Rows(iter([]), [Quarantined("line 2", None, "has 1 fields")])
    with pytest.raises(SourceError, match=r"'t' has no rows.*1 could not be read: has 1 fields"):
        collect("t", rows, Media())


def test_columns_must_have_different_names():
    check_columns(["a", "b"], "'x.csv'")
    with pytest.raises(SourceError, match=r"'x\.csv': column names must differ, but \['a'\]"):
        check_columns(["a", "b", "a"], "'x.csv'")
    with pytest.raises(SourceError, match="column 2 has none"):
        check_columns(["a", " "], "'x.csv'")
