"""PDF files: the text of their pages, and pictures of the first ones."""

import io
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from metafuse.encoders.base import Encoded, Encoder, Progress
from metafuse.errors import MissingExtraError
from metafuse.sources.media import MediaError

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

VERSION = 1
MAX_TEXT_PAGES = 200
MAX_CHARS = 1_000_000
MAX_PICTURES = 3
SIDE = 448
"""Pixels of a picture's longer side."""

_lock = threading.Lock()
"""PDFium may be called by one thread at a time, with different documents too."""


class PdfTextEncoder:
    """Encode the text of PDF files: all pages, up to `MAX_TEXT_PAGES` and `MAX_CHARS` characters.

    A file without text, such as a scan, has a row of zeros, which is no failure.

    Args:
        document: Encoder of long texts.
    """

    modality = "text"

    def __init__(self, document: Encoder) -> None:
        self.document = document

    @property
    def dim(self) -> int:
        """Length of the document encoder's rows."""
        return self.document.dim

    @property
    def fingerprint(self) -> str:
        """The document encoder's, and what is read of a file."""
        return f"pdf-text/{VERSION}/{MAX_TEXT_PAGES}/{MAX_CHARS}:{self.document.fingerprint}"

    def encode(self, values: Sequence[bytes], progress: Progress | None = None) -> Encoded:
        """Encode the bytes of PDF files."""
        matrix = np.zeros((len(values), self.dim), dtype=np.float32)
        failures: dict[int, str] = {}
        for row, value in enumerate(values):
            try:
                text = read_text(value)
            except MediaError as err:
                failures[row] = str(err)
            else:
                if text:
                    encoded = self.document.encode([text])
                    matrix[row] = encoded.matrix[0]
                    if encoded.failures:
                        failures[row] = encoded.failures[0]
            if progress is not None:
                progress(1)
        return Encoded(matrix, failures)


class PdfPagesEncoder:
    """Encode pictures of the first `MAX_PICTURES` pages of PDF files, averaged and L2-normalised.

    Args:
        image: Encoder of the pictures.
    """

    modality = "image"

    def __init__(self, image: Encoder) -> None:
        self.image = image

    @property
    def dim(self) -> int:
        """Length of the image encoder's rows."""
        return self.image.dim

    @property
    def fingerprint(self) -> str:
        """The image encoder's, and how pages are drawn."""
        return f"pdf-pages/{VERSION}/{MAX_PICTURES}/{SIDE}:{self.image.fingerprint}"

    def encode(self, values: Sequence[bytes], progress: Progress | None = None) -> Encoded:
        """Encode the bytes of PDF files."""
        matrix = np.zeros((len(values), self.dim), dtype=np.float32)
        failures: dict[int, str] = {}
        for row, value in enumerate(values):
            try:
                pictures = draw_pages(value)
            except MediaError as err:
                failures[row] = str(err)
            else:
                encoded = self.image.encode(pictures)
                mean = encoded.matrix.mean(axis=0)
                matrix[row] = mean / max(float(np.linalg.norm(mean)), 1e-12)
                if encoded.failures:
                    failures[row] = f"has a page that {next(iter(encoded.failures.values()))}"
                    matrix[row] = 0
            if progress is not None:
                progress(1)
        return Encoded(matrix, failures)


def read_text(content: bytes) -> str:
    """Read the text of a PDF file, pages parted by blank lines; empty where it has none.

    Raises:
        MediaError: it cannot be read.
    """
    texts: list[str] = []
    with _opened(content) as pdf:
        for number in range(min(len(pdf), MAX_TEXT_PAGES)):
            page = pdf[number]
            text_page = page.get_textpage()
            texts.append(text_page.get_text_bounded().replace("\r\n", "\n").strip())
            text_page.close()
            page.close()
            if sum(map(len, texts)) > MAX_CHARS:
                break
    return "\n\n".join(text for text in texts if text)[:MAX_CHARS]


def draw_pages(content: bytes) -> list[bytes]:
    """Draw the first pages of a PDF file, each as the bytes of a PNG file.

    Raises:
        MediaError: it cannot be read.
    """
    pictures = []
    with _opened(content) as pdf:
        for number in range(min(len(pdf), MAX_PICTURES)):
            page = pdf[number]
            bitmap = page.render(scale=SIDE / max(1.0, *page.get_size()))
            buffer = io.BytesIO()
            bitmap.to_pil().convert("RGB").save(buffer, format="PNG", compress_level=1)
            pictures.append(buffer.getvalue())
            bitmap.close()
            page.close()
    return pictures


@contextmanager
def _opened(content: bytes) -> Iterator["PdfDocument"]:
    try:
        import pypdfium2
    except ImportError as err:
        raise MissingExtraError('PDF files need pypdfium2. Run: pip install "metafuse[pdf]"') from err
    with _lock:
        try:
            pdf = pypdfium2.PdfDocument(content)
            try:
                yield pdf
            finally:
                pdf.close()
        except pypdfium2.PdfiumError as err:
            raise MediaError(_reason(content, err.err_code)) from err


def _reason(content: bytes, code: int | None) -> str:
    import pypdfium2.raw

    if not content:
        return "is empty (0 bytes)"
    # of a file that opens, but has no page, the code is that of the last file that did not open
    handle = pypdfium2.raw.FPDF_LoadMemDocument64(content, len(content), None)
    if handle:
        pypdfium2.raw.FPDF_CloseDocument(handle)
        return "is a PDF without a page"
    if code in (pypdfium2.raw.FPDF_ERR_PASSWORD, pypdfium2.raw.FPDF_ERR_SECURITY):
        return "is a PDF that needs a password"
    return "is a damaged PDF file" if b"%PDF-" in content[:1024] else "is not a PDF file"
