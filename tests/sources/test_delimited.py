import pandas as pd
import pytest

from metafuse.errors import ConfigError, SourceError
from metafuse.sources import delimited
from metafuse.sources.base import collect
from metafuse.sources.delimited import read_delimited
from metafuse.sources.files import DiskFile
from metafuse.sources.media import Media


@pytest.fixture
def read(tmp_path):
    def read_text(text, **options):
        path = tmp_path / "items.csv"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return collect("items", read_delimited(DiskFile(path), **options), Media())

    return read_text


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(read, delimiter):
    frame = read(f'id{delimiter}note\n1{delimiter}"one, two; three | four\tfive"\n2{delimiter}plain\n').frame
    assert frame.to_dict("list") == {"id": [1, 2], "note": ["one, two; three | four\tfive", "plain"]}


def test_commas_in_unquoted_text_do_not_win_over_the_real_delimiter(read):
    frame = read("id;note, long\n1;a, b, c\n2;d\n").frame
    assert list(frame.columns) == ["id", "note, long"]


def test_one_column_needs_no_delimiter(read):
    assert read("note\nhello\nworld\n").frame["note"].tolist() == ["hello", "world"]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "2", ""], [1.0, 2.0, None]),
        (["1", "2", "3"], [1, 2, 3]),
        (["1", "2.5", "-1e3"], [1.0, 2.5, -1000.0]),
        (["00123", "5", "6"], ["00123", "5", "6"]),
        (["0", "0.5", "7"], [0.0, 0.5, 7.0]),
        (["5", "five", "6"], ["5", "five", "6"]),
        (["0x10", "1", "2"], ["0x10", "1", "2"]),
        (["+49", "1", "2"], ["+49", "1", "2"]),
        (["12345678901234567", "1", "2"], ["12345678901234567", "1", "2"]),
        ([" 1", "2 ", "3"], [1, 2, 3]),
        (["true", "false", "NA"], ["true", "false", None]),
        (["None", "null", "a null b"], ["None", None, "a null b"]),
        (["", "NaN", "NA"], [None, None, None]),
    ],
)
def test_a_column_is_numeric_only_if_every_value_is_a_plain_number(read, cells, expected):
    frame = read("x,id\n" + "".join(f"{cell},{row}\n" for row, cell in enumerate(cells))).frame
    assert [None if pd.isna(value) else value for value in frame["x"]] == expected


def test_types_hold_for_all_batches(read, tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 64)
    lines = [f"{row},{row}\n" for row in range(100)] + ["x,0.5\n"]
    read("a,b\n" + "".join(lines))
    batches = list(read_delimited(DiskFile(tmp_path / "items.csv")).batches)
    assert len(batches) > 5
    assert {str(batch.schema.types) for batch in batches} == {"[DataType(string), DataType(double)]"}
    assert sum(batch.num_rows for batch in batches) == 101


@pytest.mark.parametrize("block_bytes", [40, 4 * 2**20])
def test_ragged_rows_are_set_aside_by_line(read, monkeypatch, block_bytes):
    monkeypatch.setattr(delimited, "BLOCK_BYTES", block_bytes)
    dataset = read('a,b\n1,2\n\n3\n4,"x\ny"\n5,"z\n\nz"\n6,7,8\n9,1\n"p\nq"\n8,8\n9,9\n')
    assert dataset.frame["a"].tolist() == [1, 4, 5, 9, 8, 9]
    assert [(bad.row_id, bad.reason) for bad in dataset.quarantine] == [
        ("line 4", "has 1 fields, the header has 2"),
        ("line 10", "has 3 fields, the header has 2"),
        ("line 12", "has 1 fields, the header has 2"),
    ]


def test_mostly_ragged_lines_are_an_error(read):
    with pytest.raises(SourceError, match="2 of 3 rows have another number, the first at line 3"):
        read("a,b\n1,2\n1\n1,2,3\n")


def test_a_byte_order_mark_is_no_part_of_the_first_name(read):
    assert list(read("id,x\n1,2\n".encode("utf-8-sig")).frame.columns) == ["id", "x"]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16"])
def test_other_encodings_are_read_when_named(read, encoding):
    assert read("id,x\n1,café\n".encode(encoding), encoding=encoding).frame["x"].tolist() == ["café"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no rows: the file is empty"),
        ("a,b\n", "has no rows: there is a header and nothing below it"),
        ("a,b", "has no rows: there is a header and nothing below it"),
        ("a,b,a\n1,2,3\n", r"column names must differ, but \['a'\]"),
        (",b\n1,2\n", "every column needs a name, but column 1 has none"),
        ('a,b\n1,2\n3,"x\n4,5\n6,7\n', "a quote opened about 3 lines before the end of the file is never closed"),
        ('a,b\n1,2\n"x,4\n5,6\n', "a quote opened about 1 lines before the end of the file is never closed"),
    ],
)
def test_what_cannot_be_read_says_why(read, text, message):
    with pytest.raises(SourceError, match=message):
        read(text)


def test_a_lone_quote_inside_a_cell_is_kept(read):
    assert read('a,b\n1,5" pipe\n2,x\n').frame["b"].tolist() == ['5" pipe', "x"]


def test_a_delimiter_of_two_characters_is_refused(read):
    with pytest.raises(ConfigError, match="must be one character"):
        read("a,b\n1,2\n", delimiter="||")


def test_windows_line_ends_are_read(read):
    assert read("a,b\r\n1,x\r\n2,y\r\n").frame.to_dict("list") == {"a": [1, 2], "b": ["x", "y"]}
