import pytest

from metafuse.errors import ConfigError, SourceError
from metafuse.sources.encoding import scan_text
from metafuse.sources.files import DiskFile


@pytest.fixture
def write(tmp_path):
    def write_file(content):
        path = tmp_path / "items.csv"
        path.write_bytes(content)
        return DiskFile(path)

    return write_file


@pytest.mark.parametrize(
    ("content", "position", "guess"),
    [
        ("a,b\ncafé,1\n".encode("latin-1"), 7, "latin-1"),
        ("a,b\n“x”,1\n".encode("cp1252"), 4, "cp1252"),
        ("a,b\n".encode("utf-16"), 0, "utf-16"),
        ("a,b\n".encode("utf-16-le"), 1, "utf-16-le"),
        (("x" * 2**20 + "é").encode("latin-1"), 2**20, "latin-1"),
    ],
)
def test_a_wrong_encoding_is_named_with_its_byte_and_a_guess(write, content, position, guess):
    with pytest.raises(SourceError, match=f'byte {position} is not; it looks like {guess}. Set encoding = "{guess}"'):
        scan_text(write(content), None)


def test_a_character_across_two_reads_is_no_error(write):
    text = scan_text(write(b"x" * (2**20 - 1) + "é".encode()), None)
    assert text.size_bytes == 2**20 + 1


@pytest.mark.parametrize("encoding", [None, "utf-8", "UTF8", "utf-8-sig"])
def test_utf8_has_one_name(write, encoding):
    assert scan_text(write('"a"'.encode("utf-8-sig")), encoding).encoding == "utf-8"


def test_quotes_are_counted(write):
    assert scan_text(write(b'"a","b\n'), None).n_quotes == 3


def test_an_empty_file_has_no_rows(write):
    with pytest.raises(SourceError, match=r"'items.csv' has no rows: the file is empty"):
        scan_text(write(b""), None)


def test_an_unknown_encoding_is_named(write):
    with pytest.raises(ConfigError, match="encoding 'klingon' is not known"):
        scan_text(write(b"a"), "klingon")
