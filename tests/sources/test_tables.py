import pandas as pd
import pytest

from metafuse.errors import ConfigError, SourceError
from metafuse.sources.files import DiskFile
from metafuse.sources.media import Media
from metafuse.sources.options import SourceOptions
from metafuse.sources.tables import TableSource

FRAME = pd.DataFrame({"id": [1, 2, 3], "note": ["x", None, "z"], "price": [1.5, 2.0, None]})


def table(path, **options):
    return TableSource(path.stem, DiskFile(path), SourceOptions(**options), Media())


def write(frame, path):
    writers = {
        ".csv": lambda: frame.to_csv(path, index=False),
        ".tsv": lambda: frame.to_csv(path, index=False, sep="\t"),
        ".jsonl": lambda: frame.to_json(path, orient="records", lines=True),
        ".json": lambda: frame.to_json(path, orient="records"),
        ".parquet": lambda: frame.to_parquet(path),
        ".xlsx": lambda: frame.to_excel(path, index=False),
    }
    writers[path.suffix]()
    return path


@pytest.fixture(params=[".csv", ".tsv", ".jsonl", ".json", ".parquet", ".xlsx"])
def path(request, tmp_path):
    return write(FRAME, tmp_path / f"items{request.param}")


def test_every_format_gives_the_same_frame(path):
    frame = table(path).read().frame
    pd.testing.assert_frame_equal(frame, FRAME.astype({"note": "str"}))


def test_batches_hold_the_rows_that_read_gives(path):
    batches = list(table(path).batches())
    assert [row for batch in batches for row in batch.to_pydict()["id"]] == [1, 2, 3]


def test_the_fingerprint_follows_content_and_options(path):
    before = table(path).fingerprint
    assert table(path).fingerprint == before
    assert table(path, key="rows").fingerprint != before
    write(FRAME.assign(id=[1, 2, 4]), path)
    assert table(path).fingerprint != before


@pytest.mark.parametrize("suffix", [".parquet", ".xlsx"])
def test_a_file_in_another_format_than_its_name_says_is_an_error(tmp_path, suffix):
    path = tmp_path / f"items{suffix}"
    path.write_bytes(b"a,b\n1,2\n")
    with pytest.raises(SourceError, match=f"'items{suffix}' should be a"):
        table(path).read()


@pytest.mark.parametrize("suffix", [".parquet", ".xlsx", ".json"])
def test_a_table_without_rows_is_an_error(tmp_path, suffix):
    path = write(FRAME.head(0), tmp_path / f"items{suffix}")
    with pytest.raises(SourceError, match=r"has no rows|column 1"):
        table(path).read()


def test_the_only_filled_sheet_is_read_and_others_must_be_named(tmp_path):
    path = tmp_path / "items.xlsx"
    with pd.ExcelWriter(path) as writer:
        FRAME.to_excel(writer, sheet_name="returns", index=False)
        pd.DataFrame().to_excel(writer, sheet_name="empty", index=False)
    assert len(table(path).read().frame) == 3
    with pd.ExcelWriter(path) as writer:
        FRAME.to_excel(writer, sheet_name="returns", index=False)
        FRAME.head(1).to_excel(writer, sheet_name="shops", index=False)
    with pytest.raises(SourceError, match=r'several sheets: returns, shops. Name one: sheet = "returns"'):
        table(path).read()
    assert len(table(path, sheet="shops").read().frame) == 1
    with pytest.raises(ConfigError, match=r"has no sheet 'x'. It has: returns, shops"):
        table(path, sheet="x").read()


def test_excel_keeps_times_and_codes(tmp_path):
    frame = pd.DataFrame({"code": ["007", "8"], "at": pd.to_datetime(["2026-01-02", "2026-01-03"])})
    read = table(write(frame, tmp_path / "items.xlsx")).read().frame
    assert read["code"].tolist() == ["007", "8"]
    assert read["at"].tolist() == frame["at"].tolist()


def test_missing_excel_reader_names_the_extra(tmp_path, monkeypatch):
    import sys

    path = write(FRAME, tmp_path / "items.xlsx")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(ImportError, match=r'pip install "metafuse\[excel\]"'):
        table(path).read()


def test_an_unknown_suffix_lists_the_known_ones(tmp_path):
    with pytest.raises(SourceError, match=r"should be one of \.csv, \.tsv"):
        table(tmp_path / "items.doc").read()
