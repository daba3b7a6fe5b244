"""Long documents: cut into pieces that a text model reads whole, and pooled."""

import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from metafuse.encoders.base import Encoded, Encoder, Progress

VERSION = 1
BYTES_A_TOKEN = 3.5
"""Of UTF-8: English text has about 5 for each token of a model trained on English, German 3.5, Chinese 3."""

_WORD = re.compile(r"\S+\s*")
_GROUP = 256
"""Texts whose pieces are encoded together."""
_SENTENCE_END = re.compile(r"[.!?…:;\u3002\uff01\uff1f]['\"»”)\]]*\s*$|\n\s*$")


class DocumentEncoder:
    """Encode texts of any length: pieces that overlap, averaged by their length, L2-normalised.

    A piece ends with a sentence where one ends in its second half. Of a text that has more than `max_pieces` pieces,
    that many are read, evenly spaced from the first to the last. A text of one piece is left to the text encoder as
    it is, and has the same features.

    Args:
        text: Encoder of the pieces.
        window: Tokens that the text encoder reads at once; longer pieces would lose their end.
        overlap: Share of a piece that begins the next one.
        max_pieces: Most pieces read of one text.
    """

    modality = "text"

    def __init__(self, text: Encoder, *, window: int = 256, overlap: float = 0.125, max_pieces: int = 64) -> None:
        self.text = text
        self.window = window
        self.overlap = overlap
        self.max_pieces = max_pieces

    @property
    def dim(self) -> int:
        """Length of the text encoder's rows."""
        return self.text.dim

    @property
    def fingerprint(self) -> str:
        """The text encoder's, and how texts are cut."""
        return f"document/{VERSION}/{self.window}/{self.overlap}/{self.max_pieces}:{self.text.fingerprint}"

    def encode(self, values: Sequence[str], progress: Progress | None = None) -> Encoded:
        """Encode texts."""
        matrix = np.zeros((len(values), self.dim), dtype=np.float32)
        failures: dict[int, str] = {}
        for start in range(0, len(values), _GROUP):
            pieces = [
                cut_text(value, window=self.window, overlap=self.overlap, max_pieces=self.max_pieces)
                for value in values[start : start + _GROUP]
            ]
            encoded = self.text.encode([piece for cut in pieces for piece in cut])
            first = 0
            for row, cut in enumerate(pieces, start=start):
                at = range(first, first + len(cut))
                first += len(cut)
                matrix[row] = _pool(encoded.matrix[at.start : at.stop], [_n_tokens(piece) for piece in cut])
                for place in at:
                    if place in encoded.failures:
                        failures[row] = encoded.failures[place]
            if progress is not None:
                progress(len(pieces))
        matrix[list(failures)] = 0
        return Encoded(matrix, failures)


def cut_text(text: str, *, window: int, overlap: float, max_pieces: int) -> list[str]:
    """Cut a text into pieces of at most `window` tokens as estimated from their bytes.

    Returns:
        The text itself where it fits, else pieces in its order; `max_pieces` evenly spaced ones where there are more.
    """
    if _n_tokens(text) <= window:
        return [text]
    words = [part for word in _WORD.findall(text) for part in _split_word(word, window)]
    costs = np.array([_n_tokens(word) for word in words])
    ends = np.concatenate([[0.0], np.cumsum(costs)])
    pieces, start = [], 0
    while start < len(words):
        stop = int(np.searchsorted(ends, ends[start] + window, side="right")) - 1
        if stop < len(words):
            half = int(np.searchsorted(ends, ends[start] + window / 2))
            stop = next((at for at in range(stop, half, -1) if _SENTENCE_END.search(words[at - 1])), stop)
        pieces.append("".join(words[start:stop]).strip())
        if stop == len(words):
            break
        back = int(np.searchsorted(ends, ends[stop] - overlap * window))
        start = max(back, start + 1)
    if len(pieces) > max_pieces:
        pieces = [pieces[at] for at in np.linspace(0, len(pieces) - 1, max_pieces).round().astype(int)]
    return pieces


def _split_word(word: str, window: int) -> list[str]:
    """Cut what is longer than a piece by itself, such as a paragraph in a script without spaces."""
    if _n_tokens(word) <= window / 4:
        return [word]
    n_chars = max(1, int(len(word) * window / 4 / _n_tokens(word)))
    return [word[start : start + n_chars] for start in range(0, len(word), n_chars)]


def _n_tokens(text: str) -> float:
    return len(text.encode()) / BYTES_A_TOKEN


def _pool(pieces: Float[np.ndarray, "n_pieces dim"], n_tokens: Sequence[float]) -> Float[np.ndarray, " dim"]:
    if len(pieces) == 1:
        return pieces[0]
    pooled = np.average(pieces, axis=0, weights=n_tokens)
    return pooled / max(float(np.linalg.norm(pooled)), 1e-12)
