import sqlite3
import zipfile

import datasets
import fsspec
import pandas as pd
import pyarrow as pa
import pytest

from metafuse.errors import ConfigError, SourceError
from metafuse.sources.base import Source
from metafuse.sources.media import MediaError
from metafuse.sources.open import SourceOptions, open_source

FRAME = pd.DataFrame({"id": [1, 2, 3], "note": ["x", "y", "z"]})


def make_database(folder):
    with sqlite3.connect(folder / "shop.db") as connection:
        FRAME.to_sql("returns", connection, index=False)
    connection.close()
    return f"sqlite:///{folder}/shop.db#returns"


def make_zip(folder):
    with zipfile.ZipFile(folder / "items.zip", "w") as archive:
        archive.writestr("items.csv", FRAME.to_csv(index=False))
    return folder / "items.zip"


def make_csv(folder):
    FRAME.to_csv(folder / "items.csv", index=False)
    return folder / "items.csv"


def make_saved(folder):
    datasets.disable_progress_bars()
    datasets.Dataset.from_pandas(FRAME).save_to_disk(folder / "saved")
    return str(folder / "saved")


MAKERS = {
    "file": make_csv,
    "file url": lambda folder: f"file://{make_csv(folder)}",
    "folder": lambda folder: make_csv(folder).parent,
    "zip": make_zip,
    "database": make_database,
    "saved dataset": make_saved,
    "pandas": lambda folder: FRAME,
    "pyarrow": lambda folder: pa.Table.from_pandas(FRAME),
    "datasets": lambda folder: datasets.Dataset.from_pandas(FRAME),
    "rows": lambda folder: FRAME.to_dict("records"),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_every_kind_of_source_keeps_the_contract(kind, tmp_path):
    made = MAKERS[kind](tmp_path)
    source = open_source(made)
    assert isinstance(source, Source)
    read = source.read()
    assert read.frame.to_dict("list") == FRAME.to_dict("list")
    assert read.frame["note"].dtype == "str"
    assert pa.Table.from_batches(source.batches()).to_pydict() == FRAME.to_dict("list")
    pd.testing.assert_frame_equal(source.read().frame, read.frame)
    assert open_source(made).fingerprint == source.fingerprint
    filtered = open_source(made, SourceOptions(keep={"note": ["y", "z"]}, max_rows=1))
    assert filtered.read().frame["id"].tolist() == [2]
    assert open_source(made, SourceOptions(max_rows=2)).read().frame["id"].tolist() == [1, 2]
    assert open_source(made, SourceOptions(name="mine")).read().name == "mine"


@pytest.mark.parametrize("source", ["no_such_place", 5, object(), [1]])
def test_an_unknown_source_is_told_what_it_may_be(source):
    with pytest.raises(SourceError, match=r"existing file .CSV.*postgresql://.*pandas or polars DataFrame"):
        open_source(source)


def test_an_unknown_kind_of_file_is_refused(tmp_path):
    (tmp_path / "items.docx").write_bytes(b"x")
    with pytest.raises(SourceError, match="is no kind of file that can be read"):
        open_source(tmp_path / "items.docx")


def test_an_unknown_protocol_is_told_what_it_may_be():
    with pytest.raises(SourceError, match=r"no database is called 'htps'.*s3://"):
        open_source("htps://example.org/items.csv").read()


def test_media_may_lie_elsewhere(tmp_path):
    (tmp_path / "rows").mkdir()
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "x.png").write_bytes(b"X")
    (tmp_path / "rows" / "items.csv").write_text("image\nx.png\n")
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("x.png", "zipped")
    for made in (tmp_path / "rows", tmp_path / "rows" / "items.csv", pd.DataFrame({"image": ["x.png"]})):
        for media, content in ((tmp_path / "photos", b"X"), (tmp_path / "photos.zip", b"zipped")):
            dataset = open_source(made, SourceOptions(media=media)).read()
            assert dataset.media.read(dataset.frame["image"][0]) == content
    with pytest.raises(ConfigError, match="should be an existing folder or zip"):
        open_source(tmp_path / "rows", SourceOptions(media=tmp_path / "no"))


def test_cells_of_a_database_name_files_only_where_the_options_say(tmp_path):
    (tmp_path / "x.png").write_bytes(b"X")
    url = make_database(tmp_path)
    assert open_source(url, SourceOptions(media=tmp_path)).read().media.read("x.png") == b"X"
    with pytest.raises(MediaError, match="this source has no files"):
        open_source(url).read().media.read(str(tmp_path / "x.png"))


def test_a_subfolder_stays_inside(tmp_path):
    folder = tmp_path / "source"
    (folder / "train" / "a").mkdir(parents=True)
    (folder / "train" / "a" / "1.png").write_bytes(b"A")
    assert open_source(folder, SourceOptions(subfolder="train")).read().frame["id"].tolist() == ["a/1.png"]
    with pytest.raises(ConfigError, match="leaves the source's folder"):
        open_source(folder, SourceOptions(subfolder="../.."))
    with pytest.raises(ConfigError, match="has no folder 'test'"):
        open_source(folder, SourceOptions(subfolder="test"))
    with pytest.raises(ConfigError, match="has no folder 'test'"):
        open_source(make_zip(tmp_path), SourceOptions(subfolder="test"))


def test_options_reach_the_reader(tmp_path):
    path = tmp_path / "data.json"
    path.write_text('{"train": [["hello", "greet"]]}')
    frame = open_source(path, SourceOptions(key="train", columns=("text", "intent"))).read().frame
    assert frame.to_dict("list") == {"text": ["hello"], "intent": ["greet"]}
    path = tmp_path / "data.csv"
    path.write_text("a;b\n1;é\n", encoding="latin-1")
    assert open_source(path, SourceOptions(encoding="latin-1", delimiter=";")).read().frame["b"].tolist() == ["é"]


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("file", SourceOptions(table="returns"), "option 'table' does not fit a file, which takes media, sheet"),
        ("folder", SourceOptions(query="select 1"), "option 'query' does not fit a folder"),
        (
            "database",
            SourceOptions(encoding="latin-1"),
            "option 'encoding' does not fit a database, which takes table, query",
        ),
        ("rows", SourceOptions(sheet="x"), "option 'sheet' does not fit a table in memory"),
    ],
)
def test_an_option_that_would_be_ignored_is_refused(kind, options, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        open_source(MAKERS[kind](tmp_path), options)


def test_a_zip_behind_a_url_is_read_with_its_files():
    with fsspec.open("memory://shop/items.zip", "wb") as stream, zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("items.csv", "image\nx.png\n")
        archive.writestr("x.png", "X")
    dataset = open_source("memory://shop/items.zip").read()
    assert dataset.media.read(dataset.frame["image"][0]) == b"X"
