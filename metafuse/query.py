"""What a person or a service searches for, as an embedding."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from metafuse.embedder import Embedder
from metafuse.errors import ConfigError, SchemaError, ShapeError
from metafuse.features import Features
from metafuse.learners.base import Adapted

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"}


def is_row(query: object) -> bool:
    """Tell whether a query is a row: a mapping, a Series or a table of one row."""
    return isinstance(query, Mapping | pd.Series) or (isinstance(query, pd.DataFrame) and len(query) == 1)


def embed_query(query: object, adapted: Adapted, embedder: Embedder) -> Float[np.ndarray, " dim"]:
    """Embed words or an image into the space of a run.

    Args:
        query: Words, or the path of an image.
        adapted: The run's model.
        embedder: The run's encoders.
    Raises:
        SchemaError: the source has no column to compare such a query with.
        ConfigError: the query is neither, holds nothing, or the image cannot be read.
    """
    return adapted.embed(_encode(query, embedder))[0]


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


def _encode(query: object, embedder: Embedder) -> Features:
    if isinstance(query, Path) or (isinstance(query, str) and _is_image_file(query)):
        return embedder.encode_query(images=[_read_file(Path(query))])
    if not isinstance(query, str):
        raise ConfigError(
            f"expected a text, the path of an image, a row or an embedding to search for, got {type(query).__name__}. "
            "Give one of these."
        )
    if not query.strip():
        raise ConfigError("expected words to search for, got an empty text. Give some.")
    return embedder.encode_query(text=[query])


def _is_image_file(text: str) -> bool:
    path = Path(text)
    return path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as err:
        raise ConfigError(f"image '{path}' cannot be read ({err.strerror}). Check the path.") from err
