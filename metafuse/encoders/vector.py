"""Vectors made elsewhere: numbers of a fixed count, brought near to one scale so that none drowns the others.

Where dimensions differ little in scale, as those of an embedding or of a principal component analysis do, the larger
ones know more, and bringing all to one scale loses up to ten points. Where they differ a thousandfold, as measurements
in different units do, the largest would be all that counts. So a dimension keeps its scale between half and twice the
median one, and is brought there from outside.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from metafuse.columns.number_lists import flat_numbers
from metafuse.encoders.base import Encoded, Progress
from metafuse.errors import SchemaError
from metafuse.sources.media import Media, MediaError

VERSION = 1
SQUASH = 5.0
"""No number is further than this many of its dimension's deviations from the median, however far the cell is."""
MOST_WEIGHT = 2.0
"""Most that a dimension's scale is above or below the median one."""
FLOOR = 0.001
"""In medians of all dimensions' scales: what varies less is rounding, and is not enlarged further."""
TAILS = 0.5
"""Percent of the values at each end that do not count for a dimension's scale."""
_SAMPLE = 10_000


@dataclass(frozen=True)
class VectorEncoder:
    """Encodes vectors: each dimension less its median, by its scale, squashed, times its weight.

    Args:
        length: Numbers in a vector.
        kept: Dimensions that vary in the source.
        centre: Median of each of these.
        scale: Deviation of each of these.
        weight: Of each of these; the source's rows are of length 1 on average.
    """

    length: int
    kept: Int[np.ndarray, " dim"]
    centre: Float[np.ndarray, " dim"]
    scale: Float[np.ndarray, " dim"]
    weight: Float[np.ndarray, " dim"]

    modality = "vector"

    @property
    def dim(self) -> int:
        """Dimensions that vary."""
        return len(self.kept)

    @cached_property
    def fingerprint(self) -> str:
        """Changes with anything that changes the features."""
        content = b"".join(part.tobytes() for part in (self.kept, self.centre, self.scale, self.weight))
        return f"vector/{VERSION}/{self.length}:{hashlib.sha256(content).hexdigest()}"

    def encode(self, values: Sequence[bytes], progress: Progress | None = None) -> Encoded:
        """Encode vectors; one of another length is a failure."""
        vectors = [np.frombuffer(value, dtype="<f4") for value in values]
        failures = {
            row: f"has {len(vector):,} numbers, and {self.length:,} are expected"
            for row, vector in enumerate(vectors)
            if len(vector) != self.length
        }
        matrix = np.zeros((len(values), self.dim), dtype=np.float32)
        right = [row for row in range(len(values)) if row not in failures]
        if right:
            scaled = (np.stack([vectors[row] for row in right])[:, self.kept] - self.centre) / self.scale
            matrix[right] = _squash(scaled) * self.weight
        if progress is not None:
            progress(len(values))
        return Encoded(matrix, failures)


def read_vector(cell: object, media: Media) -> bytes:
    """Read a vector from a list, an array, JSON text, or numbers with a mark between them.

    Args:
        cell: The cell.
        media: Unused: a vector names no file.
    Returns:
        Its numbers as little-endian float32.
    Raises:
        MediaError: it is no flat list of numbers, or one of them is missing or infinite.
    """
    del media
    numbers = flat_numbers(cell)
    if numbers is None:
        raise MediaError(f"'{str(cell)[:40]}' is no list of numbers")
    with np.errstate(over="ignore"):
        vector = numbers.astype("<f4")
    if not np.isfinite(vector).all():
        raise MediaError(f"{int((~np.isfinite(vector)).sum())} of its {len(vector):,} numbers are missing or infinite")
    return vector.tobytes()


def fit_vector(values: Sequence[bytes]) -> VectorEncoder:
    """Fit the scale of each dimension to the vectors of a source.

    Args:
        values: What `read_vector` returns; the most frequent length counts.
    Raises:
        SchemaError: there is no vector, or no dimension varies.
    """
    lengths = Counter(len(value) for value in values)
    if not lengths:
        raise SchemaError("a vector column needs at least one vector that can be read, got none. Mark it as ignored.")
    n_bytes = max(lengths, key=lambda length: (lengths[length], length))
    alike = [value for value in values if len(value) == n_bytes]
    alike = [alike[at] for at in np.linspace(0, len(alike) - 1, min(len(alike), _SAMPLE)).astype(int)]
    vectors = np.stack([np.frombuffer(value, dtype="<f4") for value in alike]).astype(np.float64)
    kept = np.flatnonzero(np.ptp(vectors, axis=0) > 0)
    if not len(kept):
        raise SchemaError("a vector column needs vectors that differ, and all are the same. Mark it as ignored.")
    varying = vectors[:, kept]
    centre = np.median(varying, axis=0)
    deviation = np.clip(varying, *np.percentile(varying, [TAILS, 100 - TAILS], axis=0)).std(axis=0)
    # a dimension that is nearly always the same has nothing but tails
    deviation = np.where(deviation > 0, deviation, varying.std(axis=0))
    median = float(np.median(deviation))
    scale = np.maximum(deviation, FLOOR * median)
    weight = np.clip(scale / median, 1 / MOST_WEIGHT, MOST_WEIGHT)
    lengths_squared = ((_squash((varying - centre) / scale) * weight) ** 2).sum(axis=1)
    return VectorEncoder(n_bytes // 4, kept, centre, scale, weight / np.sqrt(lengths_squared.mean()))


def _squash(scaled: Float[np.ndarray, "n_items dim"]) -> Float[np.ndarray, "n_items dim"]:
    return scaled / np.sqrt(1 + (scaled / SQUASH) ** 2)
