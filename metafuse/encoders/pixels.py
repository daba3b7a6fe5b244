"""Image files to pixels: bounded before decoding, upright, in RGB, with a reason for each one refused."""

import io
import struct
import threading
import warnings
import zlib
from typing import TYPE_CHECKING

from metafuse.sources.media import MediaError

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

MAX_PIXELS = 50_000_000
"""About what the largest camera phones take in one shot; 150 MB once decoded."""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "ICO", "AVIF", "JPEG2000")
"""Tried in this order. Formats that hold vector programs or call other programs (EPS, WMF) are left out."""

# What Pillow's plug-ins raise on damaged bytes: they check little, and let what Python says pass through.
_DECODING_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    EOFError,
    RuntimeError,
    struct.error,
    zlib.error,
)

_warnings_lock = threading.Lock()


def decode_image(content: bytes, *, max_pixels: int = MAX_PIXELS, min_side: int | None = None) -> "Image":
    """Decode an image file to RGB.

    Orientation marks are applied, transparency is laid on white, of an animation the first frame is
    taken, and deeper channels are brought to 8 bits.

    Args:
        content: Bytes of the file.
        max_pixels: Width times height above which nothing is decoded.
        min_side: Where set, a JPEG may come smaller than stored, with no side below this unless it
            was; large photographs then decode several times faster.
    Raises:
        MediaError: the bytes are no image, a damaged one, or one larger than the limit.
    """
    from PIL import Image, ImageOps

    if not content:
        raise MediaError("is empty (0 bytes)")
    # Warnings of Pillow on odd metadata are of no use to the reader of a run; its filter list is
    # global, so only one thread at a time may have it changed.
    with _warnings_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = _open(content)
            _check_size(image.size, max_pixels)
            if min_side is not None:
                image.draft("RGB", (min_side, min_side))
            image.load()
            return _to_rgb(ImageOps.exif_transpose(image))
        except (*_DECODING_ERRORS, Image.DecompressionBombError) as err:
            raise MediaError(f"is not an image that can be decoded ({_in_words(err)})") from err


def to_square(image: "Image", size: int, channels: int) -> "np.ndarray":
    """Stretch an image to a square, as a backbone trained on raw pixels takes it.

    Args:
        image: As `decode_image` returns it.
        size: Side in pixels.
        channels: 3 for colour, 1 for grey.
    Returns:
        uint8, (channels, size, size).
    """
    import numpy as np
    from PIL import Image

    small = (image if channels == 3 else image.convert("L")).resize((size, size), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.uint8).reshape(size, size, channels).transpose(2, 0, 1)


def _open(content: bytes) -> "Image":
    # Image.open judges the size itself, with a warning or an error that does not name width and
    # height, so the plug-ins are asked one by one; each reads the header only.
    from PIL import Image

    Image.init()
    for name in FORMATS:
        factory, accept = Image.OPEN.get(name, (None, None))
        try:
            if factory is not None and (accept is None or accept(content[:16]) is True):
                return factory(io.BytesIO(content), "")
        except (SyntaxError, IndexError, TypeError, struct.error) as err:
            raise OSError(f"damaged {name} header") from err
    raise OSError("no known image format")


def _check_size(size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width <= 0 or height <= 0:
        raise MediaError(f"has no pixels ({width} x {height})")
    if width * height > max_pixels:
        raise MediaError(f"has {width:,} x {height:,} pixels, more than the limit of {max_pixels:,} in all")


def _to_rgb(image: "Image") -> "Image":
    from PIL import Image

    if image.mode == "F" or image.mode.startswith("I"):
        return _eight_bits(image).convert("RGB")
    if image.has_transparency_data:
        opaque = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", opaque.size, "white"), opaque).convert("RGB")
    return image.convert("RGB")


def _eight_bits(image: "Image") -> "Image":
    import numpy as np
    from PIL import Image

    values = np.nan_to_num(np.asarray(image).astype(np.float64))
    if image.mode == "F":
        # Floats have no agreed white: zero to one where they fit, else their own maximum.
        white = max(1.0, float(values.max()))
    else:
        white = 65535.0 if image.mode.startswith("I;16") or values.max() > 255 else 255.0
    return Image.fromarray(np.rint(np.clip(values / white, 0, 1) * 255).astype(np.uint8))


def _in_words(err: BaseException) -> str:
    return str(err).strip().rstrip(".") or type(err).__name__
