"""Images without any pretrained weights: gradients, colours and texture from scikit-image.

The offline default. An image is stretched to a small square, from which come histograms of oriented
gradients, of colours, and of local binary patterns. Block weights were chosen once, by accuracy with
five labels a class over product photos, emoji, groceries and handwriting.

Reference: Dalal, Triggs 2005, "Histograms of Oriented Gradients for Human Detection"; Ojala et al. 2002,
"Multiresolution Gray-Scale and Rotation Invariant Texture Classification with Local Binary Patterns".
"""

from collections.abc import Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int, UInt8

from metafuse.encoders.base import Encoded, Progress
from metafuse.encoders.pixels import decode_image
from metafuse.sources.media import MediaError

if TYPE_CHECKING:
    from PIL.Image import Image

VERSION = 1
SIDE = 60
CELL = 12
ORIENTATIONS = 9
LIGHTNESS_EDGES = tuple(np.arange(12.5, 100, 12.5).tolist())
CHROMA_EDGES = (-40.0, -20.0, -8.0, -3.0, 3.0, 8.0, 20.0, 40.0)
JOINT_LIGHTNESS_EDGES = (25.0, 50.0, 75.0)
JOINT_CHROMA_EDGES = (-25.0, -8.0, 8.0, 25.0)
RADII = (1, 2, 3)
GRADIENT_WEIGHT, PLACED_COLOUR_WEIGHT, COLOUR_WEIGHT, TEXTURE_WEIGHT = 1.0, 0.7, 0.9, 0.4

_BLOCKS_A_SIDE = SIDE // CELL - 1
_DIM_GRADIENT = _BLOCKS_A_SIDE**2 * 4 * ORIENTATIONS
_N_PLACED = len(LIGHTNESS_EDGES) + 1 + 2 * (len(CHROMA_EDGES) + 1)
_N_JOINT = (len(JOINT_LIGHTNESS_EDGES) + 1) * (len(JOINT_CHROMA_EDGES) + 1) ** 2
_N_PATTERNS = 10  # uniform patterns of 8 neighbours


class HandcraftedImageEncoder:
    """Gradients (HOG), colour histograms (CIELAB) and texture (LBP) of an image, L2-normalised."""

    modality = "image"
    dim = _DIM_GRADIENT + 4 * _N_PLACED + _N_JOINT + len(RADII) * 4 * _N_PATTERNS

    @property
    def fingerprint(self) -> str:
        """Code version and constants; the libraries' versions, whose results may change, are part of it."""
        sizes = (SIDE, CELL, ORIENTATIONS, RADII, LIGHTNESS_EDGES, CHROMA_EDGES)
        joint = (JOINT_LIGHTNESS_EDGES, JOINT_CHROMA_EDGES)
        weights = (GRADIENT_WEIGHT, PLACED_COLOUR_WEIGHT, COLOUR_WEIGHT, TEXTURE_WEIGHT)
        libraries = f"scikit-image {version('scikit-image')}, pillow {version('pillow')}"
        return f"handcrafted-image/{VERSION}:{sizes}{joint}{weights}; {libraries}"

    def encode(self, values: Sequence[bytes], progress: Progress | None = None) -> Encoded:
        """Encode the bytes of image files."""
        matrix = np.zeros((len(values), self.dim), dtype=np.float32)
        failures: dict[int, str] = {}
        for position, content in enumerate(values):
            try:
                matrix[position] = _describe(decode_image(content, min_side=4 * SIDE))
            except MediaError as err:
                failures[position] = str(err)
            if progress is not None:
                progress(1)
        return Encoded(matrix, failures)


def _describe(image: "Image") -> Float[np.ndarray, " dim"]:
    from PIL import Image
    from skimage.color import rgb2lab

    square = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    pixels = np.asarray(square)
    lab = rgb2lab(pixels)
    blocks = [
        GRADIENT_WEIGHT * _normalise(_gradients(pixels)),
        PLACED_COLOUR_WEIGHT * _normalise(np.sqrt(_placed_colours(lab))),
        COLOUR_WEIGHT * _normalise(np.sqrt(_joint_colours(lab))),
        *(TEXTURE_WEIGHT * _normalise(np.sqrt(texture)) for texture in _textures(np.asarray(square.convert("L")))),
    ]
    return _normalise(np.concatenate(blocks)).astype(np.float32)


def _gradients(pixels: UInt8[np.ndarray, "side side 3"]) -> Float[np.ndarray, " dim"]:
    from skimage.feature import hog

    return hog(
        pixels.astype(np.float32) / 255,
        orientations=ORIENTATIONS,
        pixels_per_cell=(CELL, CELL),
        cells_per_block=(2, 2),
        channel_axis=-1,
    )


def _placed_colours(lab: Float[np.ndarray, "side side 3"]) -> Float[np.ndarray, " dim"]:
    edges = (LIGHTNESS_EDGES, CHROMA_EDGES, CHROMA_EDGES)
    return np.concatenate([_quarters(np.digitize(lab[..., at], edges[at]), len(edges[at]) + 1) for at in range(3)])


def _joint_colours(lab: Float[np.ndarray, "side side 3"]) -> Float[np.ndarray, " dim"]:
    n_chroma = len(JOINT_CHROMA_EDGES) + 1
    lightness = np.digitize(lab[..., 0], JOINT_LIGHTNESS_EDGES)
    a, b = (np.digitize(lab[..., at], JOINT_CHROMA_EDGES) for at in (1, 2))
    return np.bincount(((lightness * n_chroma + a) * n_chroma + b).ravel(), minlength=_N_JOINT).astype(np.float64)


def _textures(gray: UInt8[np.ndarray, "side side"]) -> list[Float[np.ndarray, " dim"]]:
    from skimage.feature import local_binary_pattern

    patterns = (local_binary_pattern(gray, 8, radius, method="uniform").astype(np.int64) for radius in RADII)
    return [_quarters(pattern, _N_PATTERNS) for pattern in patterns]


def _quarters(bins: Int[np.ndarray, "side side"], n_bins: int) -> Float[np.ndarray, " dim"]:
    """Count the bins in each quarter of the square."""
    half = SIDE // 2
    place = np.arange(SIDE) // half
    quarter = 2 * place[:, None] + place[None, :]
    return np.bincount((quarter * n_bins + bins).ravel(), minlength=4 * n_bins).astype(np.float64)


def _normalise(vector: Float[np.ndarray, " dim"]) -> Float[np.ndarray, " dim"]:
    norm = np.linalg.norm(vector)
    return vector / norm if norm > 0 else vector
