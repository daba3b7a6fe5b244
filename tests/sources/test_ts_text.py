import zipfile

import pytest

from metafuse.errors import SourceError
from metafuse.sources.open import open_source

HEADER = "#A comment: with @data in it\n@problemName Toy\n@timeStamps false\n@classLabel true Up down\n@data\n"
UNEQUAL = "1,2,3:4,5,6:Up\n\n-1.5,?:0,NaN:down\n"


@pytest.fixture
def write(tmp_path):
    def write(content: str, name: str = "toy.ts"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
        return path

    return write


def test_series_of_uneven_length_and_several_channels_with_labels_as_written(write):
    frame = open_source(write(HEADER + UNEQUAL)).read().frame
    assert frame.columns.tolist() == ["series", "label"]
    assert frame["label"].tolist() == ["Up", "down"]
    assert frame["series"].tolist() == ["[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]", "[[-1.5, null], [0.0, null]]"]


def test_one_channel_is_a_flat_list(write):
    frame = open_source(write(HEADER + "1,2e3:Up\n")).read().frame
    assert frame["series"].tolist() == ["[1.0, 2000.0]"]


def test_a_target_is_a_number_and_a_file_may_have_neither(write):
    frame = open_source(write("@targetLabel true\n@data\n1,2:0.5\n")).read().frame
    assert frame["target"].tolist() == [0.5]
    assert open_source(write("@classLabel false\n@data\n1,2\n")).read().frame.columns.tolist() == ["series"]


def test_batches_hold_the_rows_that_read_gives(write):
    source = open_source(write(HEADER + "1,2:Up\n" * 600))
    assert [batch.num_rows for batch in source.batches()] == [512, 88]
    assert len(source.read().frame) == 600


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1,x,3:Up", "holds 'x', which is no number"),
        ("1,2,3:sideways", "its label 'sideways' is none of the header's"),
        ("1,2,3", "has one field, and a series and a label are expected"),
    ],
)
def test_a_line_that_is_no_series_is_quarantined(write, line, reason):
    dataset = open_source(write(f"{HEADER}1,2:Up\n{line}\n3,4:down\n")).read()
    assert dataset.frame["label"].tolist() == ["Up", "down"]
    assert [(entry.row_id, entry.reason) for entry in dataset.quarantine] == [("line 7", reason)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1,2,3:a\n", "should begin with @ lines and then @data, got '1,2,3:a' in line 1"),
        ("@classLabel true a\n", "has no @data line"),
        ("@timeStamps true\n@data\n(1,2):a\n", r"has time stamps beside its values.*\[source.long\]"),
        (HEADER, "has no rows"),
    ],
)
def test_what_is_no_series_file_is_refused(write, content, message):
    with pytest.raises(SourceError, match=message):
        open_source(write(content)).read()


def test_several_files_of_a_folder_are_one_source(write, tmp_path):
    write(HEADER + "1,2:Up\n", "toy/toy_TRAIN.ts")
    write(HEADER + "3,4:down\n5,y:Up\n", "toy/toy_TEST.ts")
    source = open_source(tmp_path / "toy")
    dataset = source.read()
    assert dataset.frame["file"].tolist() == ["toy_TEST.ts", "toy_TRAIN.ts"]
    assert dataset.frame["label"].tolist() == ["down", "Up"]
    assert [entry.row_id for entry in dataset.quarantine] == ["toy_TEST.ts, line 7"]
    before = source.fingerprint
    write(HEADER + "1,3:Up\n", "toy/toy_TRAIN.ts")
    assert source.fingerprint != before


def test_a_zip_of_series_files_is_one_source(tmp_path):
    with zipfile.ZipFile(tmp_path / "toy.zip", "w") as archive:
        archive.writestr("toy/a.ts", HEADER + "1,2:Up\n")
        archive.writestr("toy/b.ts", HEADER + "3,4:down\n")
    assert open_source(tmp_path / "toy.zip").read().frame["file"].tolist() == ["a.ts", "b.ts"]


def test_files_with_and_without_labels_do_not_mix(write, tmp_path):
    write(HEADER + "1,2:Up\n", "toy/a.ts")
    write("@data\n1,2\n", "toy/b.ts")
    with pytest.raises(SourceError, match=r"should all hold labels or none, got 'a\.ts': label, 'b\.ts': none"):
        open_source(tmp_path / "toy").read()
