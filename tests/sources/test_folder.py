import zipfile
from pathlib import Path

import pandas as pd
import pytest

from metafuse.errors import ConfigError, SourceError
from metafuse.sources.archive import ZipTree
from metafuse.sources.files import DiskTree
from metafuse.sources.folder import read_tree
from metafuse.sources.options import SourceOptions


def write(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


@pytest.fixture(params=["folder", "zip"])
def read(request, tmp_path):
    """Reads the same files from a folder and from a zip of it."""

    def read_files(files, prefix="", **options):
        folder = tmp_path / "source"
        write(folder, files)
        if request.param == "folder":
            return read_tree(DiskTree(folder / prefix), SourceOptions(**options)).read()
        with zipfile.ZipFile(tmp_path / "source.zip", "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return read_tree(ZipTree(tmp_path / "source.zip", prefix), SourceOptions(**options)).read()

    return read_files


def rows(dataset):
    frame = dataset.frame.astype(object)
    return frame.where(frame.notna(), None).to_dict("records")


def test_class_folders_give_labels(read):
    dataset = read(
        {"a/1.png": "A", "a/.hidden.png": "", "b/deep/2.JPG": "B", "__MACOSX/a/1.png": "", "b/Thumbs.db": ""}
    )
    assert rows(dataset) == [
        {"id": "a/1.png", "image": "a/1.png", "label": "a"},
        {"id": "b/deep/2.JPG", "image": "b/deep/2.JPG", "label": "deep"},
    ]
    assert [dataset.media.read(name) for name in dataset.frame["image"]] == [b"A", b"B"]
    assert dataset.quarantine == ()


def test_class_folders_of_one_name_are_told_apart_by_the_folder_above(read):
    dataset = read({"all/Greek/c1/1.png": "", "all/Latin/c1/2.png": "", "all/Latin/c2/3.png": ""})
    assert [(row["label"], row["folder"]) for row in rows(dataset)] == [
        ("Greek/c1", "Greek"),
        ("Latin/c1", "Latin"),
        ("Latin/c2", "Latin"),
    ]


def test_a_flat_folder_has_no_labels(read):
    assert rows(read({"1.txt": "one", "2.md": "two"})) == [
        {"id": "1.txt", "text": "one"},
        {"id": "2.md", "text": "two"},
    ]


def test_images_and_texts_get_a_column_each(read):
    assert rows(read({"a/1.png": "A", "b/2.txt": "two"})) == [
        {"id": "a/1.png", "image": "a/1.png", "text": None, "label": "a"},
        {"id": "b/2.txt", "image": None, "text": "two", "label": "b"},
    ]


def test_other_files_are_set_aside(read):
    dataset = read({"a/1.png": "A", "b/2.exe": "", "b/3.png": ""})
    assert [(bad.row_id, bad.reason) for bad in dataset.quarantine] == [
        ("b/2.exe", "b/2.exe is neither an image, sound, video, PDF nor text")
    ]


def test_each_kind_of_file_has_its_column(read):
    names = ("a/1.WAV", "a/2.mp4", "b/3.pdf", "b/4.jpg")
    assert rows(read(dict.fromkeys(names, "x"))) == [
        {"id": name, "image": None, "audio": None, "video": None, "pdf": None, "label": name[0]} | {kind: name}
        for name, kind in zip(names, ("audio", "video", "pdf", "image"), strict=True)
    ]


def test_a_pattern_reads_columns_from_the_names(read):
    files = {"calls/7_ann_01.wav": "A", "calls/x/8_bob.wav": "B", "calls/readme.txt": "no row"}
    dataset = read(files, pattern=r"calls/(?:.*/)?(?P<digit>\d)_(?P<who>[a-z]+)(?:_(?P<take>\d+))?\.wav")
    assert rows(dataset) == [
        {"id": "calls/7_ann_01.wav", "audio": "calls/7_ann_01.wav", "digit": "7", "who": "ann", "take": "01"},
        {"id": "calls/x/8_bob.wav", "audio": "calls/x/8_bob.wav", "digit": "8", "who": "bob", "take": None},
    ]
    assert dataset.media.read("calls/7_ann_01.wav") == b"A"
    assert [bad.reason for bad in dataset.quarantine] == ["calls/readme.txt is not named like the pattern"]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(?P<digit>", "is no regular expression: missing \\), unterminated subpattern"),
        (r"\d_.*", r"expected groups that name columns, such as \(\?P<label>.*got none\. Name each group"),
        (r"(?P<audio>.*)", "got one called 'audio', a column there is anyway"),
    ],
)
def test_a_pattern_that_names_no_columns_is_refused(read, pattern, message):
    with pytest.raises(ConfigError, match=message):
        read({"1.wav": ""}, pattern=pattern)


def test_a_pattern_that_fits_no_file_is_told(read):
    with pytest.raises(
        SourceError, match=r"got 'a/1\.wav' and 1 more, none of them alike.*must describe the whole path"
    ):
        read({"a/1.wav": "", "a/2.wav": ""}, pattern=r"(?P<digit>\d)\.wav")


def test_a_pattern_and_a_table_exclude_each_other(read):
    with pytest.raises(ConfigError, match=r"a pattern makes rows of files, table 'a\.csv' has its own\. Leave one out"):
        read({"a.csv": "x\n1\n"}, table="a.csv", pattern=r"(?P<digit>\d)\.wav")


def test_the_fingerprint_follows_the_pattern(tmp_path):
    write(tmp_path, {"1_a.wav": ""})
    sources = [read_tree(DiskTree(tmp_path), SourceOptions(pattern=rf"(?P<{name}>\d)_.\.wav")) for name in "xy"]
    assert sources[0].fingerprint != sources[1].fingerprint


def test_a_part_of_the_tree_can_be_read(read):
    dataset = read({"train/a/1.png": "A", "test/b/2.png": "B", "train/b/2.png": "C"}, prefix="train/")
    assert dataset.frame["id"].tolist() == ["a/1.png", "b/2.png"]
    assert dataset.media.read("b/2.png") == b"C"


def test_a_single_table_is_the_metadata(read):
    dataset = read({"rows.csv": "name,file\nx,photos/1.png\n", "photos/1.png": "A"})
    assert rows(dataset) == [{"name": "x", "file": "photos/1.png"}]
    assert dataset.media.read("photos/1.png") == b"A"


def test_a_folder_around_everything_makes_no_difference(read):
    dataset = read({"export/rows.csv": "name,file\nx,photos/1.png\n", "export/photos/1.png": "A"})
    assert dataset.media.read(dataset.frame["file"][0]) == b"A"


def test_several_tables_are_listed(read):
    files = {"a.csv": "x\n1\n", "b.jsonl": '{"x": 2}\n'}
    with pytest.raises(SourceError, match=r'several tables: a\.csv, b\.jsonl\. Name one: table = "a\.csv"'):
        read(files)
    assert rows(read(files, table="b.jsonl")) == [{"x": 2}]
    with pytest.raises(ConfigError, match=r"has no table 'c\.csv'\. Its tables: a\.csv, b\.jsonl"):
        read(files, table="c.csv")


@pytest.mark.parametrize("name", ["metadata.csv", "items.csv"])
def test_a_table_called_metadata_or_items_is_preferred(read, name):
    assert rows(read({"a.csv": "x\n1\n", name: "x\n2\n"})) == [{"x": 2}]


def test_a_tree_without_anything_to_read_says_what_it_holds(read):
    with pytest.raises(SourceError, match=r"got 2 files with the suffixes \.mat, none"):
        read({"LICENSE": "x", "a.mat": "x"})


def test_texts_in_another_encoding_are_set_aside(tmp_path):
    (tmp_path / "1.txt").write_bytes("café".encode("latin-1"))
    (tmp_path / "2.txt").write_text("tea")
    dataset = read_tree(DiskTree(tmp_path), SourceOptions()).read()
    assert dataset.frame["text"].tolist() == ["tea"]
    assert dataset.quarantine[0].reason == "1.txt is not UTF-8 text (byte 3)"


def test_zips_beside_the_table_are_searched_after_the_folder(tmp_path):
    write(tmp_path, {"items.csv": "image\nx.png\ny.png\n", "x.png": "on disk"})
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("x.png", "in zip")
        archive.writestr("y.png", "in zip")
    media = read_tree(DiskTree(tmp_path), SourceOptions()).read().media
    assert (media.read("x.png"), media.read("y.png")) == (b"on disk", b"in zip")


def test_links_that_leave_the_folder_are_set_aside(tmp_path):
    (tmp_path / "secret.png").write_text("secret")
    (tmp_path / "elsewhere").mkdir()
    folder = tmp_path / "source"
    write(folder, {"a.png": "A"})
    (folder / "b.png").symlink_to(tmp_path / "secret.png")
    (folder / "c").symlink_to(tmp_path / "elsewhere")
    dataset = read_tree(DiskTree(folder), SourceOptions()).read()
    assert dataset.frame["id"].tolist() == ["a.png"]
    assert [bad.reason for bad in dataset.quarantine] == [
        "c is a link to a folder, which is not followed",
        "b.png is a link that leaves the source's folder",
    ]


def test_members_that_leave_the_zip_are_set_aside(tmp_path):
    with zipfile.ZipFile(tmp_path / "source.zip", "w") as archive:
        archive.writestr("../a.png", "A")
        archive.writestr("b.png", "B")
    dataset = read_tree(ZipTree(tmp_path / "source.zip"), SourceOptions()).read()
    assert dataset.frame["id"].tolist() == ["b.png"]
    assert dataset.quarantine[0].reason == "../a.png leaves the source's folder"


def test_the_fingerprint_follows_every_file(tmp_path):
    write(tmp_path, {"a/1.png": "A", "b/2.png": "B"})
    source = read_tree(DiskTree(tmp_path), SourceOptions())
    before = source.fingerprint
    assert read_tree(DiskTree(tmp_path), SourceOptions()).fingerprint == before
    write(tmp_path, {"b/2.png": "C"})
    assert source.fingerprint != before


def test_a_parquet_file_in_a_zip_is_read(tmp_path):
    pd.DataFrame({"x": range(5)}).to_parquet(tmp_path / "items.parquet")
    with zipfile.ZipFile(tmp_path / "source.zip", "w") as archive:
        archive.write(tmp_path / "items.parquet", "items.parquet")
    assert len(read_tree(ZipTree(tmp_path / "source.zip"), SourceOptions()).read().frame) == 5


def test_thousands_of_members_are_opened_quickly(tmp_path):
    import time

    with zipfile.ZipFile(tmp_path / "source.zip", "w") as archive:
        for number in range(5000):
            archive.writestr(f"{number % 7}/{number}.png", str(number))
    dataset = read_tree(ZipTree(tmp_path / "source.zip"), SourceOptions()).read()
    start = time.perf_counter()
    contents = [dataset.media.read(name) for name in dataset.frame["image"]]
    assert {int(content) for content in contents} == set(range(5000))
    assert time.perf_counter() - start < 5
