import io

import numpy as np
import pytest
from PIL import Image

from metafuse.columns.media_kinds import media_kind


def _png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (2, 2)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("kind", "head"),
    [
        ("audio", b"RIFF\x24\x00\x00\x00WAVEfmt "),
        ("audio", b"FORM\x00\x00\x00\x24AIFFCOMM"),
        ("audio", b"OggS\x00\x02" + bytes(20) + b"\x01\x13OpusHead"),
        ("video", b"OggS\x00\x02" + bytes(20) + b"\x80theora"),
        ("audio", b"fLaC\x00\x00\x00\x22"),
        ("audio", b"ID3\x04\x00"),
        ("audio", b"\xff\xfb\x90\x64"),
        ("audio", b"\x00\x00\x00\x1cftypM4A \x00"),
        ("video", b"\x00\x00\x00\x20ftypisom\x00\x00"),
        ("video", b"\x00\x00\x00\x14ftypqt  \x00\x00"),
        ("video", b"\x1aE\xdf\xa3\x01\x00"),
        ("video", b"RIFF\x24\x00\x00\x00AVI LIST"),
        ("image", b"RIFF\x24\x00\x00\x00WEBPVP8 "),
        ("pdf", b"%PDF-1.7\n"),
        ("pdf", b"\n\n%PDF-1.4\n"),
        (None, b"hello, world"),
        (None, b""),
    ],
)
def test_first_bytes_tell_the_kind(kind, head):
    assert media_kind(head) == kind
    assert media_kind(bytearray(head)) == kind


def test_pictures_and_pixels_are_images():
    assert media_kind(_png()) == "image"
    assert media_kind(Image.new("L", (2, 2))) == "image"
    assert media_kind(np.zeros((4, 4, 3), dtype=np.uint8)) == "image"


def test_dicts_of_the_datasets_library_are_told_by_bytes_then_path():
    assert media_kind({"array": [0.1, 0.2], "sampling_rate": 8000, "path": None}) == "audio"
    assert media_kind({"bytes": b"fLaC\x00", "path": None}) == "audio"
    assert media_kind({"bytes": None, "path": "talks/1.MP4"}) == "video"
    assert media_kind({"bytes": b"%PDF-1.7", "path": "a.bin"}) == "pdf"
    assert media_kind({"bytes": None, "path": "a.jpg"}) == "image"
    assert media_kind({"bytes": None, "path": None}) is None
    assert media_kind({"name": "x"}) is None


@pytest.mark.parametrize("cell", [1.5, None, [1, 2], "a.wav"])
def test_other_cells_are_no_media(cell):
    assert media_kind(cell) is None
