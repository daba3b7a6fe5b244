import numpy as np
import pytest

from metafuse.crossmodal.base import Codes
from metafuse.features import Features
from metafuse.schema import Modality


@pytest.fixture
def pairs() -> tuple[np.ndarray, np.ndarray]:
    """Two modalities of 240 items, noisy linear maps of the same five values, L2-normalised."""
    return make_pairs(240)


def make_pairs(n_items: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    latent = random.normal(size=(n_items, 5))
    sides = []
    for dim in (24, 30):
        x = latent @ random.normal(size=(5, dim)) + 0.3 * random.normal(size=(n_items, dim))
        sides.append((x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32))
    return sides[0], sides[1]


@pytest.fixture(scope="session")
def codes() -> Codes:
    """Three blocks of 200 items, of 2, 3 and 4 values, linear maps of the same two; a tenth of the blocks absent."""
    random = np.random.default_rng(0)
    latent = random.normal(size=(200, 2))
    present = random.random((200, 3)) > 0.1
    present[:, 0] |= ~present.any(axis=1)
    sizes = (2, 3, 4)
    values = np.concatenate([latent @ random.normal(size=(2, size)) for size in sizes], axis=1).astype(np.float32)
    return Codes(np.where(np.repeat(present, sizes, axis=1), values, np.float32(0)), present, sizes)


@pytest.fixture
def features() -> Features:
    """Words and pictures of 240 items, and a table that 60 of them lack."""
    text, image = make_pairs(240)
    table = (text[:, :4] * 3 + 1).astype(np.float32)
    there = np.ones(240, dtype=bool)
    some = np.arange(240) % 4 != 0
    return Features(
        {"title": text, "photo": image, "table": np.where(some[:, None], table, np.float32(0))},
        {"title": there, "photo": there, "table": some},
        {"title": Modality.TEXT, "photo": Modality.IMAGE, "table": Modality.NUMERIC},
    )
