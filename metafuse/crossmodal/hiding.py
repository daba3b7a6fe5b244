"""Hiding blocks that are known, to learn and to measure how well they are foreseen from the others."""

import numpy as np
from jaxtyping import Bool, Float, Int

from metafuse.crossmodal.base import Codes, Translator, spans

HELD_OUT_SHARE = 0.2


def take_codes(codes: Codes, rows: Int[np.ndarray, " n"]) -> Codes:
    """Select items by position."""
    return Codes(codes.values[rows], codes.present[rows], codes.sizes)


def split_rows(n_rows: int, random: np.random.Generator) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " m"]]:
    """Draw a fifth of the rows to hold out; the others first."""
    order = random.permutation(n_rows)
    n_held_out = max(1, round(HELD_OUT_SHARE * n_rows))
    return np.sort(order[n_held_out:]), np.sort(order[:n_held_out])


def hide_blocks(codes: Codes, random: np.random.Generator) -> Bool[np.ndarray, "n n_blocks"]:
    """Draw which blocks are given: of those a row has, at least one, and not all where it has several.

    Returns:
        The blocks that are given.
    """
    shape = codes.present.shape
    order = np.where(codes.present, random.random(shape), 2.0).argsort(axis=1).argsort(axis=1)
    n_most = np.maximum(codes.present.sum(axis=1) - 1, 1)
    n_given = 1 + np.floor(random.random(shape[0]) * n_most).astype(np.int64)
    return codes.present & (order < n_given[:, None])


def give(codes: Codes, given: Bool[np.ndarray, "n n_blocks"]) -> Codes:
    """Leave only the given blocks."""
    known = np.repeat(given, codes.sizes, axis=1)
    return Codes(np.where(known, codes.values, np.float32(0)), given, codes.sizes)


def hidden_error(translator: Translator, codes: Codes, given: Bool[np.ndarray, "n n_blocks"]) -> float:
    """Squared error of the hidden blocks over that of the mean, a mean over blocks; 1 is as good as the mean.

    Args:
        translator: Fitted on other rows.
        codes: Rows to foresee.
        given: Blocks it may look at.
    """
    missed = np.square(translator.predict(give(codes, given)) - codes.values)
    hidden = codes.present & ~given
    shares = [
        missed[hidden[:, block], span].sum() / max(np.square(codes.values[hidden[:, block], span]).sum(), 1e-12)
        for block, span in enumerate(spans(codes.sizes))
        if hidden[:, block].any()
    ]
    return float(np.mean(shares)) if shares else 1.0


def masked_input(values: Float[np.ndarray, "n dim"], given: Bool[np.ndarray, "n n_blocks"]) -> np.ndarray:
    """What a network takes: the values of the given blocks, and which these are; float32."""
    return np.concatenate([values, given.astype(np.float32)], axis=1)
