"""Notes: a story and a gist that mean the reason, wrapped in words that do not."""

import random
import re
from collections.abc import Iterator

from new_dept_maker.catalogue import Item, Reason
from new_dept_maker.phrases import small_talk
from new_dept_maker.phrases.gists import GISTS

GIST_RATE = 0.9
OPENER_RATE = 0.25
DISTRACTOR_RATE = 0.25
CLOSER_RATE = 0.25
HURRY_RATE = 0.2
TYPO_RATE = 0.25
SHOUT_RATE = 0.04


class NoteWriter:
    """Writes the notes of one reason, using each sentence once before any is used again."""

    def __init__(self, reason: Reason, rng: random.Random) -> None:
        """Start with nothing said yet."""
        self._reason = reason
        self._rng = rng
        self._stories = _deal(reason.phrases, rng)
        self._gists = _deal(GISTS[reason.key], rng)

    def write(self, item: Item) -> str:
        """Compose one note about an item."""
        rng = self._rng
        parts = [next(self._stories)]
        if rng.random() < GIST_RATE:
            parts.append(next(self._gists))
        if rng.random() < DISTRACTOR_RATE:
            parts.insert(rng.randint(0, len(parts)), self._something_else())
        if rng.random() < OPENER_RATE:
            parts.insert(0, rng.choice(small_talk.OPENERS))
        if rng.random() < CLOSER_RATE:
            parts.append(rng.choice(small_talk.CLOSERS))
        filled = " ".join(_capitalise(self._fill(part, item)) for part in parts)
        return _as_typed(filled, rng)

    def _something_else(self) -> str:
        """Say that some other reason does not apply."""
        others = [lines for key, lines in small_talk.ALL_IS_WELL.items() if key != self._reason.key]
        return self._rng.choice(self._rng.choice(others))

    def _fill(self, part: str, item: Item) -> str:
        rng = self._rng
        return part.format(
            item=rng.choice(item.names),
            time=rng.choice(small_talk.TIMES),
            who=rng.choice(small_talk.PEOPLE),
            name=rng.choice(small_talk.NAMES),
        )


def _deal(sentences: tuple[str, ...], rng: random.Random) -> Iterator[str]:
    """Yield the sentences in random order, for ever, each once a round."""
    while True:
        yield from rng.sample(sentences, len(sentences))


def _capitalise(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _as_typed(note: str, rng: random.Random) -> str:
    """Add what hurried hands do to a text: abbreviations, lower case, capitals, slips."""
    if rng.random() < HURRY_RATE:
        note = _abbreviate(note.lower())
    elif rng.random() < SHOUT_RATE:
        note = note.upper()
    if rng.random() < TYPO_RATE:
        note = _slip(note, rng)
    return note


def _abbreviate(note: str) -> str:
    return re.sub(r"[a-z]+", lambda word: small_talk.ABBREVIATIONS.get(word[0], word[0]), note)


def _slip(note: str, rng: random.Random) -> str:
    """Swap two neighbouring letters, or lose one, inside a longer word."""
    words = [match.span() for match in re.finditer(r"[A-Za-z]{5,}", note)]
    if not words:
        return note
    start, end = rng.choice(words)
    at = rng.randrange(start + 1, end - 2)
    if rng.random() < 0.5:
        return note[:at] + note[at + 1] + note[at] + note[at + 2 :]
    return note[:at] + note[at + 1 :]
