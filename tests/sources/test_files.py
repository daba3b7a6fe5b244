import hashlib

import pytest

from metafuse.errors import SourceError
from metafuse.sources.files import DiskFile, DiskTree, hash_file, is_clutter


@pytest.mark.parametrize("name", [".git", ".DS_Store", "Thumbs.db", "__MACOSX", "~$items.xlsx", "desktop.ini"])
def test_hidden_files_and_leftovers_are_clutter(name):
    assert is_clutter(name)


@pytest.mark.parametrize("name", ["items.csv", "a.b", "thumbs"])
def test_other_files_are_not(name):
    assert not is_clutter(name)


def test_files_are_listed_sorted_and_relative(tmp_path):
    for name in ("b/2", "a", "b/.hidden/x", "b/1"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    listing = DiskTree(tmp_path).listing()
    assert listing.names == ("a", "b/1", "b/2")
    assert listing.quarantine == ()


def test_the_hash_of_a_file_is_that_of_its_bytes(tmp_path):
    content = b"x" * (2**20 + 1)
    (tmp_path / "a").write_bytes(content)
    assert hash_file(DiskFile(tmp_path / "a")) == hashlib.sha256(content).hexdigest()


def test_renaming_a_file_changes_the_hash_of_its_folder(tmp_path):
    (tmp_path / "a").write_text("x")
    before = DiskTree(tmp_path).hash()
    (tmp_path / "a").rename(tmp_path / "b")
    assert DiskTree(tmp_path).hash() != before


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"gone\.csv' cannot be read: No such file"):
        DiskFile(tmp_path / "gone.csv").open()
