"""Rows that repeat: the same content, nearly the same text, the same image."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from jaxtyping import Int

from metafuse.columns.value_patterns import evenly, present_mask
from metafuse.sources.media import Media, MediaError

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

NEAR = 0.9
"""Cosine similarity of character-trigram TF-IDF from which two texts count as nearly the same."""
MAX_TEXTS = 20_000
MAX_CHARS = 300
MAX_IMAGES = 10_000
_MAX_GROUPS = 10
_MAX_GROUP = 5
_N_FEATURES = 2**14
_N_TABLES = 32
_N_BITS = 16
_N_NEIGHBOURS = 4


@dataclass(frozen=True)
class Repeats:
    """Rows that have the same content as another row.

    Args:
        n_rows: Rows beyond the first of each group.
        groups: Row ids of the largest groups, the first rows of each.
        n_examined: Rows looked at; 0 where nothing was to compare or there was too much.
    """

    n_rows: int
    groups: tuple[tuple[str, ...], ...]
    n_examined: int


@dataclass(frozen=True)
class NearRepeats:
    """Rows whose texts are nearly, but not exactly, those of another row.

    Args:
        n_rows: Rows that have such a neighbour.
        pairs: Two row ids and their cosine similarity, the closest first.
        n_examined: Distinct texts looked at.
    """

    n_rows: int
    pairs: tuple[tuple[str, str, float], ...]
    n_examined: int


def find_repeats(keys: pd.DataFrame, ids: Sequence[str]) -> Repeats:
    """Group rows whose keys are all equal; missing equals missing, but rows without any key are left out.

    Args:
        keys: One column per column of the source, values that can be compared.
        ids: Row ids.
    """
    if keys.shape[1] == 0:
        return Repeats(0, (), 0)
    rows = np.flatnonzero(keys.notna().any(axis=1).to_numpy())
    # objects of several types are compared as texts: they cannot be hashed as they are
    plain = keys.astype({name: str for name in keys.columns if keys[name].dtype == object})
    hashes = pd.util.hash_pandas_object(plain.iloc[rows], index=False).to_numpy()
    groups = pd.Series(rows).groupby(hashes, sort=False).agg(list)
    groups = groups[groups.str.len() > 1]
    largest = sorted(groups, key=lambda group: (-len(group), group[0]))[:_MAX_GROUPS]
    named = tuple(tuple(ids[row] for row in group[:_MAX_GROUP]) for group in largest)
    return Repeats(int(groups.str.len().sum() - len(groups)), named, len(rows))


def image_keys(cells: pd.Series, media: Media | None) -> pd.Series:
    """Hash the content of each image of a column; None where it is missing or cannot be read.

    Without media, or beyond `MAX_IMAGES` images, paths stand for their content.
    """
    present = present_mask(cells)
    if media is None or present.sum() > MAX_IMAGES:
        keys = [cell if there and isinstance(cell, str) else None for cell, there in zip(cells, present, strict=True)]
    else:
        keys = [_content_key(cell, media) if there else None for cell, there in zip(cells, present, strict=True)]
    return pd.Series(keys, index=cells.index, dtype=object)


def _content_key(cell: object, media: Media) -> str | None:
    try:
        return hashlib.blake2b(media.read(cell), digest_size=16).hexdigest()
    except MediaError:
        return None


def find_near_repeats(texts: pd.Series, ids: Sequence[str], *, seed: int = 0) -> NearRepeats:
    """Find texts whose character trigrams are nearly the same as those of another row.

    Candidates come from random hyperplanes: two texts are compared when one of 32 codes of 16 signs is equal
    for both, which finds 94 % of the pairs at the bound and more above it. In each bucket a text is compared
    with the next four only, so that the cost grows with the number of texts, not with its square. At most
    20,000 distinct texts are looked at, evenly spaced, and 300 characters of each.

    Args:
        texts: One text per row, missing where it has none.
        ids: Row ids.
        seed: Draws the hyperplanes.
    Reference: Charikar 2002, "Similarity Estimation Techniques from Rounding Algorithms".
    """
    # by position: the caller's own index may hold the same key twice
    by_position = texts.reset_index(drop=True)
    present = by_position[present_mask(by_position)].astype(str).str.slice(0, MAX_CHARS).drop_duplicates()
    sample = evenly(present, MAX_TEXTS)
    if len(sample) < 2:
        return NearRepeats(0, (), len(sample))
    features = _trigrams(sample.tolist())
    pairs = _candidates(features, np.random.default_rng(seed))
    cosines = np.asarray(features[pairs[:, 0]].multiply(features[pairs[:, 1]]).sum(axis=1)).ravel()
    near = cosines >= NEAR
    pairs, cosines = pairs[near], cosines[near]
    best = np.lexsort((pairs[:, 1], pairs[:, 0], -cosines))[:_MAX_GROUPS]
    sampled = [ids[position] for position in sample.index]
    examples = tuple((sampled[a], sampled[b], round(float(cosines[at]), 4)) for at in best for a, b in [pairs[at]])
    return NearRepeats(len(np.unique(pairs)), examples, len(sample))


def _trigrams(texts: list[str]) -> "csr_matrix":
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

    # hashed counts without signs keep every weight positive, so that shared trigrams never cancel
    vectorizer = HashingVectorizer(
        analyzer="char_wb",
        ngram_range=(3, 3),
        n_features=_N_FEATURES,
        alternate_sign=False,
        norm=None,
        dtype=np.float32,
    )
    return TfidfTransformer(sublinear_tf=True).fit_transform(vectorizer.transform(texts)).tocsr()


def _candidates(features: "csr_matrix", generator: np.random.Generator) -> Int[np.ndarray, "n_pairs 2"]:
    mean = np.asarray(features.mean(axis=0)).ravel()
    powers = 2 ** np.arange(_N_BITS)
    found = []
    for _ in range(_N_TABLES):
        planes = generator.standard_normal((features.shape[1], _N_BITS), dtype=np.float32)
        # centred: texts all lie in one corner of the space, and uncentred planes hardly split them
        codes = ((features @ planes - mean @ planes) > 0) @ powers
        order = np.argsort(codes, kind="stable")
        for step in range(1, _N_NEIGHBOURS + 1):
            same = codes[order[:-step]] == codes[order[step:]]
            found.append(np.column_stack([order[:-step][same], order[step:][same]]))
    pairs = np.sort(np.concatenate(found), axis=1)
    return np.unique(pairs, axis=0)
