"""Offline stand-ins shared by the tests."""

import hashlib
import string
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from metafuse.encoders.base import Encoded, Progress
from metafuse.features import FeatureCache
from metafuse.task import AdaptSpec

WORDS = {
    "power": "battery charger dead socket flat charge drains current plug cable",
    "late": "late courier delayed week waited arrived trip over days missed",
    "size": "small tight large wrong size fits sleeve long narrow loose",
}
FILLER = ["the", "it", "was", "is", "my", "and", "not", "very", "we", "had", "this", "again"]


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


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch) -> None:
    """Keep the user's caches, data and environment out of the tests."""
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "xdg" / name.lower()))
    monkeypatch.delenv("METAFUSE_CACHE_DIR", raising=False)


@pytest.fixture(scope="session")
def tiny_text_model(tmp_path_factory) -> Path:
    """A sentence-transformers model with random weights: 2 layers, 32 dimensions, a word vocabulary."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("tiny-text-model")
    letters = string.ascii_lowercase + string.digits
    words = dict.fromkeys([*" ".join(WORDS.values()).split(), *FILLER])
    vocabulary = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *letters,
        *(f"##{letter}" for letter in letters),
        *words,
    ]
    (folder / "vocab.txt").write_text("\n".join(dict.fromkeys(vocabulary)), encoding="utf-8")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        bert = BertModel(
            BertConfig(
                vocab_size=len(dict.fromkeys(vocabulary)),
                hidden_size=32,
                num_hidden_layers=2,
                num_attention_heads=2,
                intermediate_size=32,
            )
        )
    bert.save_pretrained(folder / "bert")
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder / "bert")
    transformer = Transformer(str(folder / "bert"), max_seq_length=64)
    SentenceTransformer(modules=[transformer, Pooling(32)], device="cpu").save_pretrained(str(folder / "model"))
    return folder / "model"


@pytest.fixture
def tiny_default(tiny_text_model, monkeypatch) -> Path:
    """Make the tiny model the default text model of this process."""
    for module in ("pipeline", "inspection", "meta_training.sources"):
        monkeypatch.setattr(f"metafuse.{module}.AdaptSpec", lambda: AdaptSpec(text_model=str(tiny_text_model)))
    return tiny_text_model


@pytest.fixture(scope="session")
def tickets() -> Callable[..., pd.DataFrame]:
    """Build tickets of three reasons: id, note, weight, shop, reason; the first k_shot of each reason labelled."""

    def build(n_rows: int = 45, k_shot: int = 4, seed: int = 0) -> pd.DataFrame:
        generator = np.random.default_rng(seed)
        reasons = [list(WORDS)[row % len(WORDS)] for row in range(n_rows)]
        notes = [
            " ".join([*generator.choice(WORDS[reason].split(), 5), *generator.choice(FILLER, 3)]) for reason in reasons
        ]
        shown = [reason if row < k_shot * len(WORDS) else None for row, reason in enumerate(reasons)]
        return pd.DataFrame(
            {
                "ticket_id": [f"T-{row:03}" for row in range(n_rows)],
                "note": notes,
                "weight_kg": generator.normal([list(WORDS).index(reason) for reason in reasons], 0.4).round(2),
                "shop": generator.choice(["north", "south", "west"], n_rows),
                "reason": pd.Series(shown, dtype="str"),
            }
        )

    return build


@pytest.fixture(scope="session")
def photo() -> Callable[..., Image.Image]:
    """Draw a small photo: noise around one colour."""

    def draw(colour: tuple[int, int, int], seed: int = 0, side: int = 40) -> Image.Image:
        noise = np.random.default_rng(seed).integers(-30, 30, (side, side, 3))
        return Image.fromarray(np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8))

    return draw


@pytest.fixture
def department(tmp_path, tiny_text_model) -> Callable[..., Path]:
    """Write a labelled department of eight topics as a task file; each note names its topic's words."""

    def write(name: str = "dept", more: str = "", **columns: object) -> Path:
        generator = np.random.default_rng(0)
        words = (
            *(
                "charger",
                "courier",
                "sleeve",
                "socket",
                "delayed",
                "tight",
                "plug",
                "weeks",
                "large",
                "cable",
                "missed",
            ),
            *("narrow", "loose", "flat", "trip", "days", "drains", "arrived", "fits", "dead", "wrong", "waited"),
            *("battery", "small"),
        )
        topics = [words[place : place + 3] for place in range(0, 24, 3)]
        rows = [
            {
                "ticket_id": f"T{place:03}",
                "note": " ".join(generator.choice(topics[place % 8], 6)),
                "topic": f"topic {place % 8}",
            }
            for place in range(96)
        ]
        pd.DataFrame(rows).assign(**columns).to_csv(tmp_path / f"{name}.csv", index=False)
        path = tmp_path / f"{name}.toml"
        path.write_text(
            f"name = '{name}'\n[source]\npath = '{name}.csv'\n[columns]\ntopic = 'label'\nticket_id = 'id'\n"
            f"[adapt]\nk_shot = 3\ntext_model = '{tiny_text_model}'\n"
            f"[episodes]\nn_way = 2\nk_shot = 2\nn_query = 2\n[classes]\nmeta_val = 0.3\n{more}",
            encoding="utf-8",
        )
        return path

    return write
