import base64
import io

import pytest
from PIL import Image

from metafuse.report.photos import PREFIX, thumbnail


def decode(uri: str) -> Image.Image:
    assert uri.startswith(PREFIX)
    return Image.open(io.BytesIO(base64.b64decode(uri.removeprefix(PREFIX))))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I", "F"])
def test_any_mode_becomes_a_small_jpeg(mode):
    assert decode(thumbnail(Image.new(mode, (400, 200)), side=500)).size == (128, 64)


def test_transparent_pixels_turn_white():
    assert decode(thumbnail(Image.new("RGBA", (8, 8), (0, 0, 0, 0)))).getpixel((4, 4)) == (255, 255, 255)
