"""Log lines: their parameters masked, so that lines of one template read the same."""

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_CLOCK = r"\d{1,2}[:.]\d\d[:.]\d\d(?:[.,]\d+)?"
_SPANS = {
    "time": rf"\d{{4}}[-/.]\d\d[-/.]\d\d[-T ]{_CLOCK}(?:Z|[+-]\d\d:?\d\d)?"
    rf"|\b{_MONTH}\s+\d{{1,2}}(?:,?\s+{_CLOCK})?(?:\s+\d{{4}})?\b",
    "quoted": r"\"[^\"]*\"|(?<!\w)'[^']*'(?!\w)",
}
"""What may hold spaces. Placeholder -> what it stands for, tried in this order at every place."""
_IN_WORDS = {
    "time": r"\d{4}[-/.]\d\d[-/.]\d\d|\b\d{1,2}:\d\d:\d\d(?:[.,]\d+)?\b",
    "uuid": r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b",
    "url": r"\b[a-z][a-z0-9+.-]*://[^\s,;\"')\]]+",
    "address": r"/?\b\d{1,3}(?:\.\d{1,3}){3}(?:[:/]\d+)?\b|\b[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b"
    r"|\b(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{1,4}\b|\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b"
    r"|\b[\w-]+(?:\.[\w-]+)*\.(?:com|net|org|edu|gov|local|localdomain|internal)\b(?!\.)(?::\d+)?",
    "path": r"(?<![\w.])(?:[a-z]:)?(?:[\\/][\w.@%$+~#=-]+){2,}[\\/]?|\b[a-z]:\\[^\s,;\"']*",
    "hex": r"\b0x[0-9a-f]+\b|\b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,}\b",
    "number": r"[-+]?\d+(?:[.,:]\d+)*",
}
_REPEATED = re.compile(r"(?<!\S)((?:\S+ )??\S+)(?: \1)+(?!\S)")
_MACHINE_MARK = re.compile(r"[=:\[\]{}<>_|*\\]|/\S|\w@\w|\b0x|\d\.\d+\.\d|[a-z]\.\d")
_CACHED_WORDS = 65_536
_CHARS = 500
"""Of a text, by which its template is judged."""

_LEAST_LINES = 20
_LEAST_WORDS = 3.0
_SIBLINGS = 3
"""Lines that must differ in nothing but parameters: fewer happens in any text."""
_SHARE = 0.4
"""Of the distinct values. System logs have .56 to 1.0 in such templates, questions and descriptions at most .01."""
_SHARE_MARKED = 0.3
_MOST_OF_ONE = 0.95


def _compiled(parameters: dict[str, str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in parameters.items()), re.IGNORECASE)


_SPAN, _IN_WORD = _compiled(_SPANS), _compiled(_IN_WORDS)


def mask_line(line: str) -> str:
    """Put a word in place of each parameter of a log line; what then repeats at once is written once."""
    words = [word if word.isalpha() else _mask_word(word) for word in _SPAN.sub(_placeholder, line).split()]
    return _REPEATED.sub(r"\1", " ".join(words))


def log_share(texts: Sequence[str]) -> float:
    """Share of the distinct texts that are lines of few templates; 0 where they do not look like a machine's.

    A template counts when three texts or more differ in nothing but parameters. Texts also need punctuation that
    machines write in 30 % of them, so that street addresses and product names with sizes are none, and more than one
    template: with one, as in measurements written with their units, the parameters are all there is to know.
    """
    distinct = list(dict.fromkeys(text[:_CHARS] for text in texts))
    if len(distinct) < _LEAST_LINES or sum(len(text.split()) for text in distinct) < _LEAST_WORDS * len(distinct):
        return 0.0
    if sum(_MACHINE_MARK.search(text) is not None for text in distinct) < _SHARE_MARKED * len(distinct):
        return 0.0
    counts = Counter(mask_line(text) for text in distinct)
    if max(counts.values()) > _MOST_OF_ONE * len(distinct):
        return 0.0
    return sum(count for count in counts.values() if count >= _SIBLINGS) / len(distinct)


def are_log_lines(texts: Sequence[str]) -> bool:
    """Tell whether texts are log lines."""
    return log_share(texts) >= _SHARE


@lru_cache(maxsize=_CACHED_WORDS)
def _mask_word(word: str) -> str:
    return " ".join(_IN_WORD.sub(_placeholder, word).split())


def _placeholder(match: re.Match[str]) -> str:
    return f" {match.lastgroup} "
