"""Filling the blocks that rows of a source lack from those they have.

A block's features become a code of few dimensions first, the main directions of the rows that have it:

    c = (x - m) B s,    x = m + c B^T / s,    s so that a code's values have a variance of one on average

so that every block counts alike and a filled block has nothing but what the others can tell.

Measured with one modality removed from half of all rows, 5 labels a class, logistic regression on unseen rows, 10
draws, in % (luma, emoji, appimage, handwritten): zeros 72.7, 51.5, 17.8, 93.7; the mean 76.8, 52.0, 19.1, 93.8;
filled by the translator that did best on held-out rows 81.5, 57.2, 20.9, 94.7; nothing removed 83.7, 64.3, 23.1,
94.8. A mixture that leaves gaps out does better than any of these, and filling changed it by no more than chance.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from metafuse.crossmodal import TRANSLATORS
from metafuse.crossmodal.base import Codes, Translator, spans
from metafuse.crossmodal.hiding import hidden_error, hide_blocks, split_rows, take_codes
from metafuse.errors import ConfigError, ShapeError
from metafuse.features import Features

log = logging.getLogger(__name__)

AUTO = "auto"
QUICK = ("ridge", "knn", "vae")
"""What "auto" chooses among by held-out rows; the others cost as much as the last and gained nothing beyond it."""
FEWEST_ROWS = 20
"""Rows with two blocks or more; below, nothing is learned from them."""
MOST_ROWS = 4_000
"""Rows fitted on; of more, some are drawn."""
MOST_DIRECTIONS = 64
CHUNK = 4_096
"""Rows filled at a time."""


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    """Let numpy's products use one thread: they are small, and on busy cores each waits for the slowest thread.

    Torch counts its own threads, and would take a limit on OpenMP for its setting.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield


@dataclass(frozen=True)
class BlockCode:
    """Main directions of one block.

    Args:
        mean: Mean features of the rows that have it.
        basis: Orthonormal columns.
        scale: Brings the values to a variance of one on average.
    """

    mean: Float[np.ndarray, " dim"]
    basis: Float[np.ndarray, "dim size"]
    scale: float

    def encode(self, x: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, "n size"]:
        """Features to codes."""
        return ((x - self.mean) @ self.basis * np.float32(self.scale)).astype(np.float32)

    def decode(self, codes: Float[np.ndarray, "n size"]) -> Float[np.ndarray, "n dim"]:
        """Codes to features."""
        return (self.mean + codes @ self.basis.T / np.float32(self.scale)).astype(np.float32)


@dataclass(frozen=True)
class Filler:
    """Fills gaps.

    Args:
        method: Name of the translator.
        blocks: Key of a block -> its code, in the translator's order.
        translator: Foresees codes.
        errors: Name of each translator that was compared -> squared error on held-out rows, that of the mean being 1.
    """

    method: str
    blocks: Mapping[str, BlockCode]
    translator: Translator
    errors: Mapping[str, float]

    @_one_blas_thread()
    def fill(self, features: Features) -> Features:
        """Fill the blocks that items lack, where an item has another one to go by.

        Returns:
            The features with more of them present; what was present is unchanged.
        Raises:
            ShapeError: a block is missing or has another dimension than the source had.
        """
        codes = self.encode(features)
        rows = np.flatnonzero(codes.present.any(axis=1) & ~codes.present.all(axis=1))
        matrices, present = dict(features.matrices), dict(features.present)
        for key in self.blocks if len(rows) else ():
            matrices[key], present[key] = matrices[key].astype(np.float32, copy=True), present[key].copy()
        for start in range(0, len(rows), CHUNK):
            own = rows[start : start + CHUNK]
            predicted = self.translator.predict(take_codes(codes, own))
            for (key, block), span in zip(self.blocks.items(), spans(codes.sizes), strict=True):
                gaps = ~features.present[key][own]
                matrices[key][own[gaps]] = block.decode(predicted[gaps, span])
                present[key][own] = True
        return Features(matrices, present, features.modalities)

    def encode(self, features: Features) -> Codes:
        """Codes of items.

        Raises:
            ShapeError: a block is missing or has another dimension than the source had.
        """
        for key, block in self.blocks.items():
            matrix = features.matrices.get(key)
            if matrix is None or matrix.shape[1] != len(block.mean):
                found = "no such column" if matrix is None else f"{matrix.shape[1]} dimensions"
                raise ShapeError(f"filling expected column '{key}' with {len(block.mean)} dimensions, got {found}.")
        return encode_blocks(features, self.blocks)


@_one_blas_thread()
def fit_filler(features: Features, *, method: str = AUTO, seed: int) -> Filler | None:
    """Learn to fill the gaps of a source from its own rows, labelled or not.

    Args:
        features: Of the source's rows.
        method: Name of a translator, or "auto": of `QUICK`, the one with the smallest error on held-out rows.
        seed: Decides the rows drawn, the blocks hidden and the noise.
    Returns:
        What fills; None where there is one block only, or fewer than `FEWEST_ROWS` rows with two or more.
    Raises:
        ConfigError: no such method.
    """
    if method not in (AUTO, *TRANSLATORS.names()):
        known = ", ".join(("none", AUTO, *TRANSLATORS.names()))
        raise ConfigError(f"unknown way to fill gaps '{method}'. Known: {known}. Use one of these names.")
    random = np.random.default_rng(seed)
    blocks = _fit_blocks(features, random)
    codes = encode_blocks(features, blocks)
    rows = np.flatnonzero(codes.present.sum(axis=1) >= 2)
    if len(blocks) < 2 or len(rows) < FEWEST_ROWS:
        log.warning(
            "gaps are not filled by '%s': that takes %d rows with two kinds of content or more, and there are %d",
            method, FEWEST_ROWS, len(rows),
        )  # fmt: skip
        return None
    codes = take_codes(codes, np.sort(random.permutation(rows)[:MOST_ROWS]))
    errors = compare_translators(codes, QUICK if method == AUTO else (method,), seed)
    chosen = min(errors, key=lambda name: errors[name])
    return Filler(chosen, blocks, TRANSLATORS.build(chosen, codes, seed=seed), errors)


def compare_translators(codes: Codes, names: tuple[str, ...], seed: int) -> dict[str, float]:
    """Measure translators on a fifth of the rows, with a part of the blocks of each hidden.

    Returns:
        Name -> squared error of the hidden blocks; 1 is the mean's.
    """
    random = np.random.default_rng(seed)
    fitted, held_out = (take_codes(codes, rows) for rows in split_rows(len(codes.values), random))
    given = hide_blocks(held_out, random)
    return {name: hidden_error(TRANSLATORS.build(name, fitted, seed=seed), held_out, given) for name in names}


def _fit_blocks(features: Features, random: np.random.Generator) -> dict[str, BlockCode]:
    found = {}
    for key, matrix in features.matrices.items():
        rows = np.flatnonzero(features.present[key])
        rows = np.sort(random.permutation(rows)[:MOST_ROWS])
        code = _fit_block(matrix[rows]) if len(rows) >= FEWEST_ROWS and matrix.shape[1] else None
        if code is not None:
            found[key] = code
    return found


def _fit_block(x: Float[np.ndarray, "n dim"]) -> BlockCode | None:
    mean = x.mean(axis=0, dtype=np.float64).astype(np.float32)
    centred = (x - mean).astype(np.float64)
    roots, directions = np.linalg.eigh(centred.T @ centred / len(x))
    kept = [place for place in range(len(roots))[: -MOST_DIRECTIONS - 1 : -1] if roots[place] > 1e-9 * roots[-1]]
    if not roots[-1] > 0:
        return None
    scale = float(np.sqrt(len(kept) / roots[kept].sum()))
    return BlockCode(mean, np.ascontiguousarray(directions[:, kept]).astype(np.float32), scale)


def encode_blocks(features: Features, blocks: Mapping[str, BlockCode]) -> Codes:
    """Codes of items, zero where a block is absent."""
    present = np.stack([features.present[key] for key in blocks], axis=1) if blocks else _nothing(len(features))
    values = [
        np.where(features.present[key][:, None], block.encode(features.matrices[key]), np.float32(0))
        for key, block in blocks.items()
    ]
    sizes = tuple(block.basis.shape[1] for block in blocks.values())
    return Codes(np.concatenate(values, axis=1) if values else np.zeros((len(features), 0), np.float32), present, sizes)


def _nothing(n_items: int) -> Bool[np.ndarray, "n 0"]:
    return np.zeros((n_items, 0), dtype=bool)
