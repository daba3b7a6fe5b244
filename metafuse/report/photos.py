"""Small photos that travel inside the page."""

import base64
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

MAX_SIDE = 128
PREFIX = "data:image/jpeg;base64,"


def thumbnail(image: "Image.Image", *, side: int = 96) -> str:
    """Shrink an image and write it as a JPEG data URI, on white where it is transparent.

    Args:
        image: Any image Pillow opened.
        side: Longest side in pixels, at most 128.
    """
    from PIL import Image

    small = image.convert("RGBA")
    small.thumbnail((min(side, MAX_SIDE), min(side, MAX_SIDE)))
    page = Image.new("RGB", small.size, "white")
    page.paste(small, mask=small.getchannel("A"))
    buffer = BytesIO()
    page.save(buffer, "JPEG", quality=70, optimize=True)
    return PREFIX + base64.b64encode(buffer.getvalue()).decode("ascii")
