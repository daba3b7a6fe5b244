import zipfile

import pytest

from metafuse.errors import SourceError
from metafuse.sources.archive import ZipMember, ZipTree


@pytest.fixture
def path(tmp_path):
    with zipfile.ZipFile(tmp_path / "shop.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("rows/items.csv", "a\n1\n")
        archive.writestr("rows/.hidden", "")
        archive.writestr("bomb.csv", bytes(2 * 2**20))
    return tmp_path / "shop.zip"


def test_members_are_listed_below_the_prefix(path):
    assert ZipTree(path).listing().names == ("bomb.csv", "rows/items.csv")
    assert ZipTree(path, "rows/").listing().names == ("items.csv",)
    assert (ZipTree(path).name, ZipTree(path, "rows/").name) == ("shop", "rows")


def test_a_member_is_opened_as_often_as_needed(path):
    member = ZipTree(path, "rows/").file("items.csv")
    assert member == ZipMember(path, "rows/items.csv")
    for _ in range(2):
        with member.open() as stream:
            assert stream.read() == b"a\n1\n"


def test_a_bomb_is_not_opened(path):
    with pytest.raises(SourceError, match="as a zip bomb does"):
        ZipTree(path).file("bomb.csv").open()


def test_a_file_that_is_no_zip_is_refused(tmp_path):
    (tmp_path / "shop.zip").write_bytes(b"no zip")
    with pytest.raises(SourceError, match=r"should be a zip: shop\.zip cannot be read"):
        ZipTree(tmp_path / "shop.zip").listing()
