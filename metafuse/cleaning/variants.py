"""Spelling variants of one value merged: "north gate", "North  Gate" and "Nort Gate" are "North Gate"."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from metafuse.cleaning.base import Kind, Replacement
from metafuse.cleaning.distinct import find_distinct, replace_texts
from metafuse.cleaning.spellings import count_letters, is_slip, plain_spelling, shortened
from metafuse.columns.value_patterns import find_separator, split_parts

RARER = 10
"""How many times as frequent as its slip a value must be; two frequent spellings are two values."""

FEWEST_LETTERS = 3
"""Of a value whose case makes no difference; shorter ones are codes and merged as slips are."""

MOST_VALUES = 20_000
"""Distinct values of a column above which slips are not looked for."""


@dataclass(frozen=True)
class VariantRule:
    """The spellings of a column.

    Args:
        column: Its name.
        separator: What stands between the parts of a list; empty where cells hold one value.
        mapping: Spelling in the source -> the one that is kept.
        kept: The other spellings in the source and their cells, variants counted in.
    """

    column: str
    separator: str
    mapping: Mapping[str, str]
    kept: Mapping[str, int]

    kind = Kind.VARIANT

    def replace(self, values: pd.Series) -> Replacement:
        """Find the cells with another spelling of a kept value; those the source did not have are judged alike."""
        return replace_texts(values, self._merge)

    def _merge(self, text: str) -> str:
        parts = split_parts(text, self.separator)
        merged = [self._spell(part) for part in parts]
        return text if merged == parts else self.separator.join(dict.fromkeys(merged))

    def _spell(self, part: str) -> str:
        if part in self.mapping or part in self.kept:
            return self.mapping.get(part, part)
        plain = plain_spelling(part)
        found = self._plain.get(plain)
        if found is not None:
            return found if _is_same(plain, 1, self.kept[found]) else part
        return self._slips.find(plain, 1) or part

    @cached_property
    def _plain(self) -> dict[str, str]:
        # of short codes that differ in case only, the most frequent comes last and stays
        return {plain_spelling(value): value for value in sorted(self.kept, key=lambda value: self.kept[value])}

    @cached_property
    def _slips(self) -> "_Slips":
        return _Slips({plain: (value, self.kept[value]) for plain, value in self._plain.items()})


class _Slips:
    """Looks up what a rare spelling is a slip of.

    Args:
        values: Plain spelling -> the spelling that is kept, and its cells.
    """

    def __init__(self, values: Mapping[str, tuple[str, int]]) -> None:
        self._values = values
        self._near: dict[str, list[str]] = {}
        if len(values) <= MOST_VALUES:
            for plain in sorted(values, key=lambda plain: (-values[plain][1], plain)):
                self._add(plain)

    def _add(self, plain: str) -> None:
        count = self._values[plain][1]
        texts = set(shortened(plain))
        # what is a slip itself, or might be, is no value that others are slips of
        if count >= RARER and not any(
            self._values[right][1] >= RARER * count for text in texts for right in self._near.get(text, ())
        ):
            for text in texts:
                self._near.setdefault(text, []).append(plain)

    def find(self, plain: str, count: int) -> str | None:
        """Return the kept spelling of the value it is a slip of; None where another frequent one is as near."""
        found = {right for text in shortened(plain) for right in self._near.get(text, ())}
        near = [right for right in sorted(found) if self._values[right][1] >= RARER * count]
        return self._values[near[0]][0] if len(near) == 1 and is_slip(plain, near[0]) else None


def fit_variants(column: str, values: pd.Series) -> VariantRule | None:
    """Learn which spellings of a column of categories are one value.

    Spellings that differ in case, spaces or signs between words are one; the most frequent is kept. A rare one that is
    a slip of a value ten times as frequent, and of no other, joins it.

    Args:
        column: Its name.
        values: Its cells.
    """
    distinct = find_distinct(values)
    separator = find_separator(distinct.texts, distinct.counts)
    counts: Counter[str] = Counter()
    for text, count in zip(distinct.texts, distinct.counts, strict=True):
        counts.update(dict.fromkeys(split_parts(text, separator), count))
    if not counts:
        return None
    mapping = dict(_same_but_for_signs(counts))
    kept: Counter[str] = Counter()
    for text in sorted(counts):
        kept[mapping.get(text, text)] += counts[text]
    slips = _Slips(
        {plain_spelling(value): (value, kept[value]) for value in sorted(kept, key=lambda value: kept[value])}
    )
    rarest_first = sorted(kept, key=lambda value: (kept[value], value))
    wrong = {
        value: right for value in rarest_first if (right := slips.find(plain_spelling(value), kept[value])) is not None
    }
    for value, right in wrong.items():  # a slip of a slip comes before it, being rarer
        kept[right] += kept.pop(value)
    mapping = {text: _last(right, wrong) for text, right in (mapping | wrong).items()}
    return VariantRule(column, separator, dict(sorted(mapping.items())), dict(sorted(kept.items())))


def _last(value: str, wrong: Mapping[str, str]) -> str:
    while value in wrong:
        value = wrong[value]
    return value


def _same_but_for_signs(counts: Mapping[str, int]) -> Iterable[tuple[str, str]]:
    groups: dict[str, list[str]] = {}
    for text in sorted(counts, key=lambda text: (-counts[text], text)):
        groups.setdefault(plain_spelling(text), []).append(text)
    for plain, (first, *others) in groups.items():
        for text in others:
            if _is_same(plain, counts[text], counts[first]):
                yield text, first


def _is_same(plain: str, count: int, count_of_kept: int) -> bool:
    """Tell whether two values of one plain spelling are one, by the length of it and their cells."""
    n_letters = count_letters(plain)
    return n_letters >= FEWEST_LETTERS or (n_letters > 0 and RARER * count <= count_of_kept)
