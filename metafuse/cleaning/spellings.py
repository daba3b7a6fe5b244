"""When two spellings are one value: the same but for case and signs, or one a slip of the other.

skrub's `deduplicate` was measured first. It clusters the spellings of a column and always finds clusters, so that on
clean columns it merged half of the values: "Black" into "Blue", "State-gov" into "Local-gov", "vhigh" into "high".
It fits columns known to be full of slips; here a value is left alone unless the slip is plain.
"""

import html
import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache

FEWEST_LETTERS = 5
"""Of a word in which a slip can be told from another word; four letters have too many neighbours (back, pack)."""

LETTERS_STEP = 6
"""Of a word in which letters are swapped, put in or left out; five have too many neighbours (baker, banker). A doubled
letter is a slip from five on."""

LETTERS_BESIDE, LETTERS_VOWEL, LETTERS_ANY = 6, 7, 9
"""Letters of a word in which one may be wrong: a key beside the right one, a vowel for a vowel, any other."""

NEIGHBOURS: Mapping[str, str] = {
    "a": "qwsyz", "b": "vghn", "c": "xdfv", "d": "serfcx", "e": "wsdr", "f": "drtgvc", "g": "ftyzhbv",
    "h": "gyuzjnb", "i": "ujko", "j": "huiknm", "k": "jiolm", "l": "kop", "m": "njk", "n": "bhjm", "o": "iklp",
    "p": "ol", "q": "wa", "r": "edft", "s": "awedxyz", "t": "rfgyz", "u": "yhjiz", "v": "cfgb", "w": "qase",
    "x": "ysdcz", "y": "tghuasx", "z": "asxtghu",
}  # fmt: skip
"""Keys beside each other, on keyboards with Y and Z either way."""

_VOWELS = frozenset("aeiouy")
_BETWEEN = re.compile(r"(?<=[^\W\d])[\s_\-.,'\u2019\"]+(?=[^\W\d])|\s+")


@lru_cache(maxsize=100_000)
def plain_spelling(text: str) -> str:
    """Write a value without what makes no difference: case, kinds of spaces, signs between words, points at the end.

    Signs beside digits stay ("1.0", "2-3"), and so do those that tell values apart ("AB-", "C++", ">50K", "R&B").
    """
    folded = unicodedata.normalize("NFKC", html.unescape(text)).casefold()
    return _BETWEEN.sub(" ", folded.strip(" \t\r\n.,;:'\"")).strip()


@lru_cache(maxsize=100_000)
def without_accents(plain: str) -> str:
    """Write a plain spelling without accents and spaces."""
    split = unicodedata.normalize("NFKD", plain)
    return "".join(sign for sign in split if not unicodedata.combining(sign) and not sign.isspace())


def count_letters(text: str) -> int:
    """Count the letters of a text."""
    return sum(sign.isalpha() for sign in text)


def is_slip(plain: str, right: str) -> bool:
    """Tell whether a spelling is a slip of another; both plain.

    Either they differ in accents and spaces only, or one word of five letters or more does by one step: a letter left
    out, doubled or put in, two swapped, or one taken for another, where the word is the longer the less likely that is.
    The first letter is right (typical and atypical are two values), so is the last (Dominica and Dominican), and so
    are all digits.
    """
    if count_letters(plain) < FEWEST_LETTERS - 1 or count_letters(right) < FEWEST_LETTERS:
        return False
    if without_accents(plain) == without_accents(right):
        return True
    words, right_words = plain.split(), right.split()
    if len(words) != len(right_words):
        return False
    different = [(word, other) for word, other in zip(words, right_words, strict=True) if word != other]
    return len(different) == 1 and _is_one_step(*different[0])


def _is_one_step(word: str, right: str) -> bool:
    shorter, longer = sorted((word, right), key=len)
    if len(shorter) < FEWEST_LETTERS or not (word + right).isalpha() or (word[0], word[-1]) != (right[0], right[-1]):
        return False
    start = next((place for place, (a, b) in enumerate(zip(shorter, longer, strict=False)) if a != b), len(shorter))
    rest, other = shorter[start:], longer[start:]
    if len(shorter) < len(longer):
        is_doubled = other[0] == longer[start - 1]
        return rest == other[1:] and (is_doubled or len(shorter) >= LETTERS_STEP)
    if rest[1:] == other[1:]:
        return _may_be_hit_for(rest[0], other[0], len(right))
    return rest[:2] == other[1::-1] and rest[2:] == other[2:] and len(right) >= LETTERS_STEP


def _may_be_hit_for(letter: str, right: str, n_letters: int) -> bool:
    """Tell whether a letter may be a slip of another; the longer the word, the fewer real ones are a letter away."""
    beside = letter in NEIGHBOURS.get(right, "")
    vowels = {letter, right} <= _VOWELS
    return n_letters >= (LETTERS_BESIDE if beside else LETTERS_VOWEL if vowels else LETTERS_ANY)


def shortened(text: str) -> Iterable[str]:
    """List a text without spaces and accents, and every text it becomes without one sign.

    Two texts one step apart have one of these in common.
    """
    whole = without_accents(text)
    yield whole
    for place in range(len(whole)):
        yield whole[:place] + whole[place + 1 :]
