import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from metafuse.sources import media as media_module
from metafuse.sources.media import Media, MediaError


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "source"
    (folder / "photos").mkdir(parents=True)
    (folder / "photos" / "x.png").write_bytes(b"on disk")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("photos/x.png", b"in zip")
        archive.writestr("photos/y.png", b"only in zip")
    return folder


@pytest.mark.parametrize("path", ["photos/x.png", "./photos/x.png", "photos\\x.png"])
def test_a_path_is_read_under_the_root(root, path):
    assert Media(root).read(path) == b"on disk"


def test_the_root_comes_before_the_archives(root, tmp_path):
    media = Media(root, (tmp_path / "photos.zip",))
    assert media.read("photos/x.png") == b"on disk"
    assert media.read("photos/y.png") == b"only in zip"


def test_a_prefix_stands_before_names_in_the_zip(tmp_path, root):
    assert Media(archives=(tmp_path / "photos.zip",), prefix="photos/").read("y.png") == b"only in zip"


@pytest.mark.parametrize(
    "path", ["../secret.txt", "/etc/passwd", "link.txt", "photos/../../secret.txt", "..\\secret.txt"]
)
def test_no_path_leaves_the_root(root, path):
    with pytest.raises(MediaError, match="leaves the source's folder"):
        Media(root).read(path)


@pytest.mark.parametrize("path", ["../secret.txt", "/etc/passwd"])
def test_no_path_leaves_the_archive(tmp_path, root, path):
    with pytest.raises(MediaError, match="leaves the source's folder"):
        Media(archives=(tmp_path / "photos.zip",)).read(path)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("photos/z.png", "photos/z.png is missing"),
        ("photos", "photos is not a file"),
        ("https://example.org/x.png", "never fetched"),
        ("x\0y", "zero byte"),
        ("long " * 1000, "is missing"),
        (3.5, "float is neither a path"),
        ({"bytes": None, "path": None}, "holds neither the bytes nor the path of a file"),
        ({"bytes": None, "path": "photos/z.png"}, "photos/z.png is missing"),
    ],
)
def test_what_cannot_be_read_says_why(root, value, reason):
    with pytest.raises(MediaError, match=reason):
        Media(root).read(value)


def test_paths_in_memory_are_the_callers_own(root):
    assert Media().read(str(root / "photos" / "x.png")) == b"on disk"


def test_sources_from_afar_open_no_files(root):
    with pytest.raises(MediaError, match="this source has no files"):
        Media(files=False).read(str(root / "photos" / "x.png"))


@pytest.mark.parametrize("value", [b"raw", bytearray(b"raw"), {"bytes": b"raw", "path": "x"}])
def test_bytes_are_taken_as_they_are(value):
    assert Media().read(value) == b"raw"


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "CMYK"])
def test_an_image_in_memory_becomes_a_png(mode):
    content = Media().read(Image.new(mode, (3, 2)))
    assert Image.open(io.BytesIO(content)).size == (3, 2)
    assert content.startswith(b"\x89PNG")


def test_an_array_becomes_a_png_with_the_same_pixels():
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert (np.asarray(Image.open(io.BytesIO(Media().read(pixels)))) == pixels).all()
    with pytest.raises(MediaError, match="is not an image"):
        Media().read(np.zeros((2, 2, 7)))


def test_large_files_are_refused(root, tmp_path, monkeypatch):
    monkeypatch.setattr(media_module, "MAX_FILE_BYTES", 5)
    for value in ("photos/x.png", "photos/y.png"):
        with pytest.raises(MediaError, match="more than the 5 allowed"):
            Media(root, (tmp_path / "photos.zip",)).read(value)


def test_a_zip_bomb_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.png", bytes(2 * 2**20))
    with pytest.raises(MediaError, match="zip bomb"):
        Media(archives=(tmp_path / "bomb.zip",)).read("bomb.png")


def test_a_damaged_member_is_refused(tmp_path):
    path = tmp_path / "damaged.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.png", b"content")
    path.write_bytes(path.read_bytes().replace(b"content", b"c0ntent"))
    with pytest.raises(MediaError, match=r"x\.png is damaged in its zip"):
        Media(archives=(path,)).read("x.png")


def test_a_file_that_is_no_zip_is_named(tmp_path):
    (tmp_path / "photos.zip").write_bytes(b"no zip")
    with pytest.raises(MediaError, match=r"photos\.zip cannot be read as a zip"):
        Media(archives=(tmp_path / "photos.zip",)).read("x.png")


def test_a_rewritten_zip_is_opened_anew(tmp_path):
    import os

    path = tmp_path / "photos.zip"
    for time, content in enumerate([b"old", b"new"], start=1):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x.png", content)
        os.utime(path, (time, time))
        assert Media(archives=(path,)).read("x.png") == content
