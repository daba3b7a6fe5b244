import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from metafuse.encoders.image_handcrafted import HandcraftedImageEncoder


def save(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def draw(shape: str, color: str, side: int = 64) -> bytes:
    image = Image.new("RGB", (side, side), "white")
    getattr(ImageDraw.Draw(image), shape)((side // 4, side // 4, 3 * side // 4, 3 * side // 4), fill=color)
    return save(image)


@pytest.fixture(scope="module")
def encoder():
    return HandcraftedImageEncoder()


def test_rows_have_the_stated_shape_and_unit_length(encoder):
    encoded = encoder.encode([draw("ellipse", "red"), draw("rectangle", "blue")])
    assert encoded.matrix.shape == (2, encoder.dim)
    assert encoded.matrix.dtype == np.float32
    assert np.linalg.norm(encoded.matrix, axis=1) == pytest.approx([1, 1], abs=1e-6)


def test_same_bytes_give_the_same_row_whatever_stands_beside_them(encoder):
    alone = encoder.encode([draw("ellipse", "red")]).matrix[0]
    among = encoder.encode([draw("rectangle", "blue"), draw("ellipse", "red")]).matrix[1]
    assert np.array_equal(alone, among)


def test_same_drawing_at_another_size_is_nearer_than_another_shape_or_colour(encoder):
    matrix = encoder.encode(
        [draw("ellipse", "red"), draw("ellipse", "red", 120), draw("rectangle", "red"), draw("ellipse", "blue")]
    ).matrix
    similarity = matrix[1:] @ matrix[0]
    assert similarity[0] > max(similarity[1:])


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (3000, 2)])
def test_odd_sizes_give_finite_rows(encoder, size):
    matrix = encoder.encode([save(Image.new("RGB", size, "white"))]).matrix
    assert np.isfinite(matrix).all()
    assert np.linalg.norm(matrix) == pytest.approx(1)


def test_undecodable_value_is_a_failure_with_a_zero_row(encoder):
    counts = []
    encoded = encoder.encode([b"no image", draw("ellipse", "red"), b""], counts.append)
    assert sorted(encoded.failures) == [0, 2]
    assert encoded.failures[0].startswith("is not an image that can be decoded")
    assert not encoded.matrix[[0, 2]].any()
    assert sum(counts) == 3


def test_no_values_give_an_empty_matrix(encoder):
    assert encoder.encode([]).matrix.shape == (0, encoder.dim)


def test_fingerprint_names_version_and_libraries(encoder):
    assert encoder.fingerprint == HandcraftedImageEncoder().fingerprint
    assert "handcrafted-image/1" in encoder.fingerprint
    assert "scikit-image" in encoder.fingerprint
