"""Which columns of two sources mean the same, by their names and their values: a proposal with a confidence.

Every pair of columns is described by how alike names and values are. A weight for each of these, fitted on pairs of
real tables with columns renamed, makes a logit. The confidence is the probability of the pair beside all others that
either column could belong to and beside belonging to none (a conditional logit; McFadden 1974), the smaller of both
sides'. Columns are paired one to one with the largest sum of logits (Kuhn 1955).
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from metafuse.columns.value_patterns import (
    MOST,
    evenly,
    looks_like_dates,
    name_words,
    number_share,
    parse_numbers,
    present_mask,
)
from metafuse.joins.matches import Encode
from metafuse.sources.labels import text_key
from metafuse.written_values import find_date_order, read_dates

LEAST_CONFIDENCE = 0.3
_SAMPLE = 2000
_ENCODED = 24
"""Distinct values of a column that are encoded."""
_ENCODED_CHARS = 200

FACTS = ("name meaning", "name spelling", "same kind", "shared values", "text meaning", "number spread", "length")
WEIGHTS = (9.32, 1.03, -1.30, 2.02, 5.36, 5.32, 2.68)
"""Of the facts, in that order."""
NEITHER = 8.55
"""Logit of belonging to no column."""


@dataclass(frozen=True)
class ColumnMatch:
    """A pair of columns that seem to mean the same.

    Args:
        left: Column of the one source.
        right: Column of the other.
        confidence: Probability that they do, 0..1.
        why: What speaks for it.
    """

    left: str
    right: str
    confidence: float
    why: str


@dataclass(frozen=True)
class _Profile:
    """A column as it is compared.

    Args:
        name: The source's own name of it.
        words: Its name in words.
        kind: "number", "time" or "text".
        keys: Distinct values as text, of a sample.
        numbers: Values of numbers and times, rising; empty for texts.
        length: Characters of a value, on average.
        name_vector: Embedding of the name; empty without a text model.
        vector: Mean embedding of some values, L2-normalised; empty for numbers, times, and without a text model.
    """

    name: str
    words: str
    kind: str
    keys: frozenset[str]
    numbers: Float[np.ndarray, " n"]
    length: float
    name_vector: Float[np.ndarray, " name_dim"]
    vector: Float[np.ndarray, " dim"]


def match_columns(left: pd.DataFrame, right: pd.DataFrame, encode: Encode | None) -> tuple[ColumnMatch, ...]:
    """Match the columns of two sources by names and values.

    Args:
        left: Rows of the one; some thousand are enough.
        right: Rows of the other.
        encode: Texts -> L2-normalised embeddings; None to go by spelling alone.
    Returns:
        Pairs of columns, each in one at most, the surest first.
    """
    from scipy.optimize import linear_sum_assignment

    lefts, rights = _profiles(left, encode), _profiles(right, encode)
    if not lefts or not rights:
        return ()
    facts = np.array([[compare(one, other) for other in rights] for one in lefts])  # (n_left, n_right, n_facts)
    logits = facts @ np.array(WEIGHTS)
    confidence = np.minimum(beside(logits), beside(logits.T).T)
    chosen = zip(*linear_sum_assignment(-logits), strict=True)
    found = [
        ColumnMatch(lefts[row].name, rights[column].name, float(confidence[row, column]), _why(facts[row, column]))
        for row, column in chosen
        if confidence[row, column] >= LEAST_CONFIDENCE
    ]
    return tuple(sorted(found, key=lambda match: -match.confidence))


def beside(logits: Float[np.ndarray, "n_rows n_columns"]) -> Float[np.ndarray, "n_rows n_columns"]:
    """Probability of each column for a row, beside all other columns and beside none."""
    alone = np.full((len(logits), 1), NEITHER)
    total = np.logaddexp.reduce(np.concatenate([logits, alone], axis=1), axis=1, keepdims=True)
    return np.exp(logits - total)


def compare(left: _Profile, right: _Profile) -> list[float]:
    """Measure how alike two columns are, each 0..1 or so, in the order of `FACTS`."""
    spelling = difflib.SequenceMatcher(None, left.words, right.words, autojunk=False).ratio()
    fewer = min(len(left.keys), len(right.keys))
    shared = len(left.keys & right.keys) / fewer if fewer else 0.0
    same = left.kind == right.kind
    is_text = same and left.kind == "text"
    lengths = sorted([left.length + 1, right.length + 1])
    return [
        float(left.name_vector @ right.name_vector) if len(left.name_vector) else spelling,
        spelling,
        float(same),
        shared,
        (float(left.vector @ right.vector) if len(left.vector) and len(right.vector) else shared) if is_text else 0.0,
        _spread(left.numbers, right.numbers) if same and not is_text else 0.0,
        lengths[0] / lengths[1],
    ]


def _spread(left: Float[np.ndarray, " n"], right: Float[np.ndarray, " m"]) -> float:
    """One less the Kolmogorov-Smirnov distance of two samples."""
    if not len(left) or not len(right):
        return 0.0
    both = np.concatenate([left, right])
    below = [np.searchsorted(each, both, "right") / len(each) for each in (left, right)]
    return 1 - float(np.abs(below[0] - below[1]).max())


def _profiles(frame: pd.DataFrame, encode: Encode | None) -> list[_Profile]:
    columns = [(str(name), _sampled(frame[name])) for name in frame]
    columns = [(name, values) for name, values in columns if len(values) and _is_plain(values)]
    kinds = [_kind(values) for _, values in columns]
    words = [" ".join(name_words(name)) or name for name, _ in columns]
    shown = [_shown(values) if kind == "text" else [] for kind, (_, values) in zip(kinds, columns, strict=True)]
    vectors = _encode_all([*([word] for word in words), *shown], encode)
    return [
        _Profile(
            name=name,
            words=words[place],
            kind=kinds[place],
            keys=frozenset(text_key(cell).casefold() for cell in values),
            numbers=_numbers(values, kinds[place]),
            length=float(values.astype("str").str.len().mean()),
            name_vector=vectors[place],
            vector=vectors[len(words) + place],
        )
        for place, (name, values) in enumerate(columns)
    ]


def _encode_all(groups: Sequence[Sequence[str]], encode: Encode | None) -> list[Float[np.ndarray, " dim"]]:
    """Mean embedding of each group of texts, L2-normalised; empty where there is none."""
    none = np.zeros(0)
    texts = [text for group in groups for text in group]
    if encode is None or not texts:
        return [none] * len(groups)
    embeddings = np.asarray(encode(texts), dtype=np.float64)
    means, start = [], 0
    for group in groups:
        mean = embeddings[start : start + len(group)].mean(axis=0) if group else none
        means.append(mean / max(float(np.linalg.norm(mean)), 1e-12) if group else none)
        start += len(group)
    return means


def _sampled(values: pd.Series) -> pd.Series:
    return evenly(values[present_mask(values)], _SAMPLE)


def _shown(values: pd.Series) -> list[str]:
    return [str(cell)[:_ENCODED_CHARS] for cell in evenly(values.drop_duplicates(), _ENCODED)]


def _is_plain(values: pd.Series) -> bool:
    return values.dtype != object or all(isinstance(cell, str | int | float) for cell in values)


def _kind(values: pd.Series) -> str:
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return "time"
    if values.dtype.kind in "iuf" and pd.api.types.is_numeric_dtype(values.dtype):
        return "number"
    texts = [str(cell) for cell in evenly(values, 300)]
    if number_share(texts)[0] >= MOST:
        return "number"
    return "time" if looks_like_dates(texts) else "text"


def _numbers(values: pd.Series, kind: str) -> Float[np.ndarray, " n"]:
    if kind == "text":
        return np.zeros(0)
    if kind == "time":
        numbers, _ = read_dates(values, find_date_order(values), None)
    else:
        numbers = parse_numbers(values).to_numpy(dtype=np.float64)
    return np.sort(numbers[~np.isnan(numbers)])


def _why(facts: Float[np.ndarray, " n_facts"]) -> str:
    known = dict(zip(FACTS, facts, strict=True))
    parts = [f"names {max(known['name meaning'], known['name spelling']):.2f} alike"]
    if known["shared values"] >= 0.005:
        parts.append(f"{known['shared values']:.0%} of the values in both")
    if known["text meaning"]:
        parts.append(f"what the texts mean {known['text meaning']:.2f} alike")
    if known["number spread"]:
        parts.append(f"spread of the values {known['number spread']:.2f} alike")
    return ", ".join(parts)
