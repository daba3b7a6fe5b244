"""Offline stand-ins shared by the tests."""

import hashlib
from collections.abc import Sequence

import numpy as np
import pytest

from metafuse.encoders.base import Encoded, Progress
from metafuse.features import FeatureCache


class ToyEncoder:
    """Maps a value to a random vector seeded by its hash; counts what it was asked to encode."""

    modality = "text"
    dim = 8

    def __init__(self, name: str = "toy") -> None:
        self.fingerprint = name
        self.n_encoded = 0

    def encode(self, values: Sequence[str] | Sequence[bytes], progress: Progress | None = None) -> Encoded:
        self.n_encoded += len(values)
        rows = [self._vector(value) for value in values]
        return Encoded(np.array(rows, dtype=np.float32).reshape(-1, self.dim), {})

    def _vector(self, value: str | bytes) -> np.ndarray:
        content = value.encode() if isinstance(value, str) else value
        seed = int.from_bytes(hashlib.sha256(content).digest()[:8], "little")
        return np.random.default_rng(seed).standard_normal(self.dim)


@pytest.fixture
def toy_encoder() -> ToyEncoder:
    return ToyEncoder()


@pytest.fixture
def cache(tmp_path) -> FeatureCache:
    return FeatureCache(tmp_path / "cache")
