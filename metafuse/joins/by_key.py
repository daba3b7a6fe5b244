"""Join by key: rows whose key columns hold the same."""

import numpy as np
import pandas as pd
from jaxtyping import Int

from metafuse.columns.value_patterns import present_mask
from metafuse.joins.matches import NOTHING, Matches, Pairs, Side, expand, where
from metafuse.sources.labels import text_key


def match_keys(left: Side, right: Side, name: str, *, every: bool) -> Matches:
    """Match rows by their keys; compared as ids are, so 5, 5.0 and "5" are the same, and a missing key fits none.

    Args:
        left: Key columns of the source.
        right: Those of the other, in the same order.
        name: The join's name, for messages.
        every: List all pairs, a left row's in the order of the right side.
    Raises:
        SchemaError: there are more pairs than can be held.
    """
    left_codes, right_codes = _codes(left.columns, right.columns)
    order = np.argsort(right_codes, kind="stable")
    keys = right_codes[order]
    starts, ends = np.searchsorted(keys, left_codes, "left"), np.searchsorted(keys, left_codes, "right")
    counts = np.where(left_codes == NOTHING, 0, ends - starts)
    best = np.where(counts > 0, order[np.minimum(starts, len(order) - 1)], NOTHING)
    pairs = None
    if every:
        places = expand(starts, counts, name)
        pairs = Pairs(places.left, order[places.right])
    return Matches(
        best,
        np.where(best == NOTHING, np.nan, 0.0),
        counts,
        pairs,
        left_reasons={"have no key": where(left_codes == NOTHING)},
        right_reasons={"have no key": where(right_codes == NOTHING)},
    )


def _codes(left: pd.DataFrame, right: pd.DataFrame) -> tuple[Int[np.ndarray, " n_left"], Int[np.ndarray, " n_right"]]:
    """Number the keys of both sides alike; `NOTHING` where a part of the key is missing."""
    total = np.zeros(len(left) + len(right), dtype=np.int64)
    missing = np.zeros(len(total), dtype=bool)
    for left_name, right_name in zip(left, right, strict=True):
        codes = np.concatenate(_text_codes(left[left_name], right[right_name]))
        missing |= codes == NOTHING
        # numbered anew after each column, so that the product of the counts stays small
        total = pd.factorize(total * (codes.max(initial=0) + 1) + codes)[0]
    total[missing] = NOTHING
    return total[: len(left)], total[len(left) :]


def _text_codes(left: pd.Series, right: pd.Series) -> list[Int[np.ndarray, " _"]]:
    places: dict[str, int] = {}
    found = []
    for values in (left, right):
        codes, distinct = pd.factorize(values)
        # each distinct value is written as text once
        lookup = np.array([places.setdefault(text_key(value), len(places)) for value in distinct] + [NOTHING])
        numbered = lookup[codes]
        found.append(np.where(present_mask(values), numbered, NOTHING))
    return found
