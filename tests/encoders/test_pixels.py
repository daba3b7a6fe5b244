import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from metafuse.encoders.pixels import decode_image
from metafuse.sources.media import MediaError


def save(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    header = struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return b"\x89PNG\r\n\x1a\n" + header + struct.pack(">I", 9) + b"IDAT"


@pytest.mark.parametrize(
    ("image", "kind", "expected"),
    [
        (Image.new("RGB", (2, 2), (10, 20, 30)), "PNG", (10, 20, 30)),
        (Image.new("L", (2, 2), 77), "PNG", (77, 77, 77)),
        (Image.new("1", (2, 2), 1), "PNG", (255, 255, 255)),
        (Image.new("RGB", (2, 2), (10, 20, 30)).convert("P", palette=Image.Palette.ADAPTIVE), "PNG", (10, 20, 30)),
        (Image.new("CMYK", (2, 2), (0, 255, 255, 0)), "TIFF", (255, 0, 0)),
        (Image.fromarray(np.full((2, 2), 65535, dtype=np.uint16)), "PNG", (255, 255, 255)),
        (Image.fromarray(np.full((2, 2), 32768, dtype=np.uint16)), "PNG", (128, 128, 128)),
        (Image.fromarray(np.full((2, 2), 0.2, dtype=np.float32)), "TIFF", (51, 51, 51)),
        (Image.new("RGBA", (2, 2), (10, 20, 30, 0)), "PNG", (255, 255, 255)),
        (Image.new("LA", (2, 2), (0, 0)), "PNG", (255, 255, 255)),
    ],
    ids=["rgb", "gray", "bits", "palette", "cmyk", "deep white", "deep gray", "float", "clear", "clear gray"],
)
def test_every_kind_of_pixel_becomes_rgb(image, kind, expected):
    decoded = decode_image(save(image, kind))
    assert decoded.mode == "RGB"
    assert decoded.getpixel((1, 1)) == expected


def test_orientation_mark_is_applied():
    image = Image.new("RGB", (4, 2))
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decode_image(save(image, "JPEG", exif=exif)).size == (2, 4)


def test_first_frame_of_an_animation_is_taken():
    frames = [Image.new("RGB", (2, 2), color) for color in ("red", "blue")]
    content = save(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode_image(content).getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.parametrize(
    "content", [b"hello", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"P", b"GIF89a", b"II*\0", b"%!PS"]
)
def test_what_is_no_image_is_refused(content):
    with pytest.raises(MediaError, match="is not an image that can be decoded"):
        decode_image(content)


def test_empty_content_is_refused():
    with pytest.raises(MediaError, match=r"is empty \(0 bytes\)"):
        decode_image(b"")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP"])
def test_truncated_image_is_refused(kind):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    content = save(Image.fromarray(noise), kind)
    with pytest.raises(MediaError, match="is not an image that can be decoded"):
        decode_image(content[: len(content) // 2])


@pytest.mark.parametrize("side", [8_000, 10_000, 60_000])
def test_pixel_bomb_is_refused_from_its_header(side):
    with pytest.raises(MediaError, match=f"has {side:,} x {side:,} pixels, more than the limit of 50,000,000"):
        decode_image(png_header(side, side))


def test_limit_is_inclusive():
    content = save(Image.new("RGB", (4, 5)))
    assert decode_image(content, max_pixels=20).size == (4, 5)
    with pytest.raises(MediaError, match="has 4 x 5 pixels"):
        decode_image(content, max_pixels=19)


def test_large_limit_stays_quiet_and_leaves_filters_alone():
    before = list(warnings.filters), Image.MAX_IMAGE_PIXELS
    content = save(Image.new("1", (10_000, 9_000)))
    assert decode_image(content, max_pixels=10**8).size == (10_000, 9_000)
    assert (list(warnings.filters), Image.MAX_IMAGE_PIXELS) == before


def test_min_side_shrinks_only_while_decoding_jpeg():
    image = Image.new("RGB", (800, 640), "green")
    shrunk = decode_image(save(image, "JPEG"), min_side=100)
    assert 100 <= min(shrunk.size) < 640
    assert decode_image(save(image, "PNG"), min_side=100).size == (800, 640)
