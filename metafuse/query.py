"""What a person or a service searches for, as an embedding."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from metafuse.columns.value_patterns import AUDIO_SUFFIXES
from metafuse.crossmodal.alignment import FEWEST_PAIRS, QUERIES, CrossModal
from metafuse.embedder import Embedder
from metafuse.errors import ConfigError, SchemaError, ShapeError
from metafuse.features import Features
from metafuse.learners.base import Adapted
from metafuse.schema import Modality

IMAGE_ENDINGS = frozenset((".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"))
AUDIO_ENDINGS = frozenset(f".{suffix}" for suffix in AUDIO_SUFFIXES)


def is_row(query: object) -> bool:
    """Tell whether a query is a row: a mapping, a Series or a table of one row."""
    return isinstance(query, Mapping | pd.Series) or (isinstance(query, pd.DataFrame) and len(query) == 1)


def embed_query(query: object, adapted: Adapted, embedder: Embedder) -> Float[np.ndarray, " dim"]:
    """Embed words, an image or a sound into the space of a run.

    Args:
        query: Words, or the path of an image or a sound.
        adapted: The run's model.
        embedder: The run's encoders.
    Raises:
        SchemaError: the source has no column to compare such a query with.
        ConfigError: the query is neither, holds nothing, or the file cannot be read.
    """
    return adapted.embed(encode_one(query, embedder)[0])[0]


def encode_one(query: object, embedder: Embedder) -> tuple[Features, Modality]:
    """Encode words, an image or a sound as a row that has nothing else.

    Args:
        query: Words, or the path of an image or a sound.
        embedder: The run's encoders.
    Returns:
        The row, and what the query is.
    Raises:
        SchemaError: the source has no column to compare such a query with.
        ConfigError: the query is neither, holds nothing, or the file cannot be read.
    """
    kind = kind_of_file(query)
    if kind is Modality.IMAGE:
        return embedder.encode_query(images=[_read_file(Path(str(query)))]), kind
    if kind is Modality.AUDIO:
        return embedder.encode_query(sounds=[_read_file(Path(str(query)))]), kind
    if not isinstance(query, str):
        raise ConfigError(
            "expected a text, the path of an image or a sound, a row or an embedding (these two without `to`) to "
            f"search for, got {type(query).__name__}. Give one of these."
        )
    if not query.strip():
        raise ConfigError("expected words to search for, got an empty text. Give some.")
    return embedder.encode_query(text=[query]), Modality.TEXT


def check_spaces(spaces: CrossModal | None, source: Modality, to: str) -> CrossModal:
    """Check that rows can be searched by one modality from another.

    Raises:
        ConfigError: the target is none that can be searched by, or the query is of it already.
        SchemaError: too few rows have both.
    """
    if to not in {str(modality) for modality in QUERIES}:
        raise ConfigError(f"expected to search by {', '.join(QUERIES)}, got '{to}'. Use one of these.")
    if to == source:
        raise ConfigError(f"the query is {source} already. Search without --to to compare it with {source} columns.")
    if spaces is None:
        raise SchemaError(
            f"no space joins {source} and {to}: expected {FEWEST_PAIRS} different rows that have both, or more. "
            "Search without --to."
        )
    return spaces


def check_embedding(query: Float[np.ndarray, "..."], dim: int) -> Float[np.ndarray, " dim"]:
    """Scale an embedding, (dim,) or (1, dim), to length one.

    Raises:
        ShapeError: another length.
        SchemaError: it is zero, so nothing is similar to it.
    """
    if query.shape not in {(dim,), (1, dim)}:
        raise ShapeError(f"expected an embedding of shape ({dim},), got {query.shape}. Take a row of embed().")
    length = float(np.linalg.norm(query))
    if not length > 0:
        raise SchemaError("there is nothing in the query to compare rows with: it has no text, image or number.")
    return (query.ravel() / length).astype(np.float32)


def kind_of_file(query: object) -> Modality | None:
    """Image or sound, where a query is the path of such a file; a `Path` that does not end as a sound is an image's."""
    if not isinstance(query, str | Path):
        return None
    path = Path(query)
    if path.suffix.lower() in AUDIO_ENDINGS and (isinstance(query, Path) or path.is_file()):
        return Modality.AUDIO
    is_image = isinstance(query, Path) or (path.suffix.lower() in IMAGE_ENDINGS and path.is_file())
    return Modality.IMAGE if is_image else None


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as err:
        raise ConfigError(f"file '{path}' cannot be read ({err.strerror}). Check the path.") from err
