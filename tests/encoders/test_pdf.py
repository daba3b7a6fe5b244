import builtins
import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from metafuse.encoders.document import DocumentEncoder
from metafuse.encoders.pdf import PdfPagesEncoder, PdfTextEncoder, draw_pages, read_text
from metafuse.errors import MissingExtraError

pypdfium2 = pytest.importorskip("pypdfium2")

LOCK = b"<</Filter/Standard/V 1/R 2/O<" + b"00" * 32 + b">/U<" + b"11" * 32 + b">/P -4>>"


def _pdf(*texts: str, lock: bytes | None = None) -> bytes:
    """Write a PDF file of one page a text by hand; with a lock, one that needs a password."""
    kids = " ".join(f"{4 + 2 * page} 0 R" for page in range(len(texts)))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Kids[{kids}]/Count {len(texts)}>>".encode(),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    for page, text in enumerate(texts):
        stream = f"BT /F 18 Tf 20 200 Td ({text}) Tj ET".encode()
        box = "/MediaBox[0 0 200 400]/Resources<</Font<</F 3 0 R>>>>"
        objects.append(f"<</Type/Page/Parent 2 0 R{box}/Contents {5 + 2 * page} 0 R>>".encode())
        objects.append(b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream))
    content, places = b"%PDF-1.4\n", []
    for number, each in enumerate([*objects, *([lock] if lock else [])], start=1):
        places.append(len(content))
        content += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    content_end = len(content)
    size = len(places) + 1
    content += b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
    encrypt = b"/Encrypt %d 0 R/ID[<00><00>]" % len(places) if lock else b""
    return content + b"trailer<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF" % (size, encrypt, content_end)


def _scan() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (60, 100), "red").save(buffer, "PDF")
    return buffer.getvalue()


def _without_pages() -> bytes:
    buffer = io.BytesIO()
    pypdfium2.PdfDocument.new().save(buffer)
    return buffer.getvalue()


def test_text_of_all_pages_is_encoded(toy_encoder):
    content = _pdf("battery dead", "", "late courier")
    assert read_text(content) == "battery dead\n\nlate courier"
    encoded = PdfTextEncoder(DocumentEncoder(toy_encoder)).encode([content])
    np.testing.assert_array_equal(encoded.matrix, toy_encoder.encode(["battery dead\n\nlate courier"]).matrix)


def test_first_pages_are_drawn_small():
    pictures = [Image.open(io.BytesIO(each)) for each in draw_pages(_pdf("a", "b", "c", "d"))]
    # a page of 200 x 400 points, its longer side 448 pixels and one of rounding
    np.testing.assert_allclose([picture.size for picture in pictures], [(224, 448)] * 3, atol=1)


def test_pages_are_averaged_and_normalised(toy_encoder):
    content = _pdf("battery", "courier")
    encoded = PdfPagesEncoder(toy_encoder).encode([content])
    mean = toy_encoder.encode(draw_pages(content)).matrix.mean(axis=0)
    np.testing.assert_allclose(encoded.matrix[0], mean / np.linalg.norm(mean), rtol=1e-6)


def test_scan_has_pages_and_a_zero_row_of_text(toy_encoder):
    text = PdfTextEncoder(toy_encoder).encode([_scan()])
    assert not text.failures
    assert not text.matrix.any()
    assert PdfPagesEncoder(toy_encoder).encode([_scan()]).matrix.any()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty (0 bytes)"),
        (b"hello", "is not a PDF file"),
        (_pdf("a")[:60], "is a damaged PDF file"),
        (_pdf("a", lock=LOCK), "is a PDF that needs a password"),
        (_without_pages(), "is a PDF without a page"),
    ],
)
@pytest.mark.parametrize("encoder", [PdfTextEncoder, PdfPagesEncoder])
def test_unreadable_files_are_failures_with_a_reason(toy_encoder, encoder, content, reason):
    encoded = encoder(toy_encoder).encode([_pdf("fine"), content])
    assert list(encoded.failures) == [1]
    assert encoded.failures[1] == reason
    assert encoded.matrix[0].any()
    assert not encoded.matrix[1].any()


def test_threads_read_the_same(toy_encoder):
    contents = [_pdf(f"page {n}") for n in range(40)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(read_text, contents)) == [f"page {n}" for n in range(40)]


def test_missing_library_is_named(monkeypatch):
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.startswith("pypdfium2"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtraError, match=r'pip install "metafuse\[pdf\]"'):
        read_text(b"%PDF-1.4")


def test_fingerprints_differ(toy_encoder):
    fingerprints = {each(toy_encoder).fingerprint for each in (PdfTextEncoder, PdfPagesEncoder)}
    assert len(fingerprints | {toy_encoder.fingerprint}) == 3
    assert PdfTextEncoder(toy_encoder).dim == PdfPagesEncoder(toy_encoder).dim == toy_encoder.dim
