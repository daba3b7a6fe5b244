"""What a column's values are, judged by the values and the name: the rules behind the inferred schema."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from metafuse.columns.log_masks import are_log_lines
from metafuse.columns.nested_kinds import Verdict, kind_of_lists, kind_of_media, kind_of_places
from metafuse.columns.value_patterns import (
    DELIMITERS,
    MOST,
    epoch_unit,
    evenly,
    holds_dates,
    is_multi_valued,
    is_nested,
    looks_like_dates,
    name_words,
    number_share,
    present_mask,
    share_matching,
)

IGNORED = "ignored"
_FEW_CATEGORIES = 20
_SHORT_WORDS = 4.0
_MOSTLY_FILES = 0.6
"""Share of paths of one kind from which the rest is taken for broken entries, which are quarantined one by one."""
LONG_WORDS = 200
"""Words that fill the window of a small text model."""
_MANY_LONG = 0.2
_CODE_NAMES = frozenset(["type", "code", "class", "status", "kind", "zone", "zip", "postcode", "plz", "mode", "flag"])


@dataclass(frozen=True)
class Facts:
    """One column as the rules see it.

    Args:
        name: The source's own name of it.
        values: Its values without the missing ones; those of a column of Python objects as they are.
        n_rows: Rows of the source, missing ones included.
    """

    name: str
    values: pd.Series
    n_rows: int

    @classmethod
    def of(cls, name: str, cells: pd.Series) -> "Facts":
        """Measure a column as it came from the source."""
        values = cells[present_mask(cells)]
        if isinstance(values.dtype, pd.CategoricalDtype):
            values = values.astype(values.cat.categories.dtype)
        if isinstance(values.dtype, pd.ArrowDtype) and values.dtype.kind == "O":
            values = values.astype(object)
        if values.dtype == object:
            values = values.infer_objects()
        if not isinstance(values.dtype, np.dtype) and values.dtype.kind in "iuf":
            # nullable and Arrow numbers lack operations that numpy's have
            values = values.astype(f"{values.dtype.kind}8")
        return cls(name, values, len(cells))

    @cached_property
    def n_distinct(self) -> int:
        """Distinct values over all rows; every value counts where they cannot be compared (images, nested data)."""
        if self.is_object:
            kinds = {type(cell) for cell in evenly(self.values)}
            if not kinds <= {str, int, float, bool}:
                return len(self.values)
            return int(self.values.astype(str).nunique())
        return int(self.values.nunique())

    @cached_property
    def words(self) -> list[str]:
        """Lower-case words of the name."""
        return name_words(self.name)

    @property
    def is_object(self) -> bool:
        """Python objects: several types, or one that tables have no type for."""
        return self.values.dtype == object

    @property
    def is_number(self) -> bool:
        """Stored as real numbers."""
        return pd.api.types.is_numeric_dtype(self.values.dtype) and self.values.dtype.kind in "iuf"

    @property
    def is_unique(self) -> bool:
        """No value missing and none repeated."""
        return 0 < len(self.values) == self.n_rows == self.n_distinct

    @cached_property
    def is_whole(self) -> bool:
        """Whole numbers; pandas stores them as floats where some are missing."""
        return self.is_number and len(self.values) > 0 and bool((self.values.dropna() % 1 == 0).all())

    @cached_property
    def is_counter(self) -> bool:
        """Whole numbers that go up by one from row to row."""
        return self.is_whole and self.is_unique and self.n_rows > 1 and bool((self.values.diff().iloc[1:] == 1).all())

    @cached_property
    def sample(self) -> list[str]:
        """Evenly spaced values as text."""
        return [str(cell) for cell in evenly(self.values)]

    @cached_property
    def is_text(self) -> bool:
        """Stored as text throughout."""
        return len(self.values) > 0 and all(isinstance(cell, str) for cell in evenly(self.values))

    @cached_property
    def word_counts(self) -> list[int]:
        """Words of each sampled value."""
        return [len(text.split()) for text in self.sample]

    @property
    def n_words(self) -> float:
        """Words of a value, on average."""
        return sum(self.word_counts) / max(1, len(self.sample))

    def share(self, kind: str) -> float:
        """Share of the sampled values that fit a named pattern."""
        return share_matching(self.sample, kind)


def kind_of(facts: Facts) -> Verdict:
    """Judge what a column's values are: the value of a modality or ignored, and why."""
    return next(verdict for rule in _RULES if (verdict := rule(facts)) is not None)


def _of_nothing(facts: Facts) -> Verdict | None:
    if not len(facts.values):
        return IGNORED, "empty"
    if facts.n_distinct == 1 and facts.n_rows > 1:
        return IGNORED, f"constant: '{_shortened(facts.sample[0])}'"
    return None


def _of_objects(facts: Facts) -> Verdict | None:
    if (
        not facts.is_object
        or facts.values.empty
        or all(isinstance(cell, str | int | float | bool) for cell in evenly(facts.values))
    ):
        return None
    cells = evenly(facts.values).tolist()
    found = kind_of_media(cells) or kind_of_places(cells, facts.words) or kind_of_lists(cells, facts.words)
    if found is not None:
        return found
    if holds_dates(cells):
        return "datetime", "holds dates"
    names = sorted({type(cell).__name__ for cell in cells})
    if all(hasattr(cell, "as_tuple") or isinstance(cell, int | float) for cell in cells):
        return "numeric", "decimal numbers"
    return IGNORED, f"holds {', '.join(names)}, which cannot be encoded"


def _of_types(facts: Facts) -> Verdict | None:
    dtype = facts.values.dtype
    if pd.api.types.is_bool_dtype(dtype):
        return "categorical", "true or false"
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "datetime", "stored as dates"
    if not (facts.is_number or facts.is_text or facts.is_object):
        return IGNORED, f"values of type {dtype} cannot be encoded"
    return None


def _of_numbers(facts: Facts) -> Verdict | None:
    if not facts.is_number:
        return None
    unit = epoch_unit(facts.name, facts.values) if facts.is_whole else None
    if unit is not None:
        return "datetime", f"counts {unit} since 1970"
    if facts.is_whole and facts.n_distinct == 2 and facts.n_rows > 2:
        return "categorical", "two whole numbers"
    if facts.is_whole and facts.n_distinct <= _FEW_CATEGORIES and _CODE_NAMES & set(facts.words):
        return "categorical", f"{facts.n_distinct} whole numbers that are codes by the column's name"
    low, high = facts.values.min(), facts.values.max()
    return "numeric", f"{facts.n_distinct:,} distinct numbers from {low:.6g} to {high:.6g}"


def _of_addresses(facts: Facts) -> Verdict | None:
    if facts.share("url") >= MOST:
        return IGNORED, "holds web addresses, never fetched"
    return None


def _of_files(facts: Facts) -> Verdict | None:
    for kind in ("image", "audio", "video", "pdf"):
        if facts.share(kind) >= _MOSTLY_FILES:
            return kind, f"values end in .{facts.sample[0].strip().rpartition('.')[2].lower()}"
    if facts.share("path") >= MOST:
        return IGNORED, "file paths"
    return None


def _of_machine_text(facts: Facts) -> Verdict | None:
    if facts.share("hash") >= MOST:
        return IGNORED, "hashes, which tell nothing about a row"
    if is_nested(facts.sample[:500]):
        found = kind_of_places(facts.sample, facts.words) or kind_of_lists(facts.sample, facts.words)
        return found or (IGNORED, "nested JSON")
    if facts.share("clock") >= MOST:
        return IGNORED, "times of day without a date"
    return None


def _of_written_lists(facts: Facts) -> Verdict | None:
    return kind_of_places(facts.sample, facts.words) or kind_of_lists(facts.sample, facts.words)


def _of_times(facts: Facts) -> Verdict | None:
    return ("datetime", "dates written as text") if looks_like_dates(facts.sample) else None


def _of_written_numbers(facts: Facts) -> Verdict | None:
    share, unit = number_share(facts.sample)
    if share < MOST:
        return None
    if facts.n_distinct == 2:
        return "categorical", "two numbers written as text"
    slips = "" if share == 1 else f", {share:.0%} of them readable"
    return "numeric", f"numbers written as text{f' in {unit}' if unit else ''}{slips}"


def _of_words(facts: Facts) -> Verdict:
    """Tell categories from language: by how often values come back and how many words they have."""
    n, n_distinct, n_words = len(facts.values), facts.n_distinct, facts.n_words
    counts = f"{n_distinct:,} distinct values on {n:,} rows"
    share, _ = number_share(facts.sample)
    if 0.1 <= share < MOST:
        counts += f"; mixed: about {round(share * n):,} numbers and {n - round(share * n):,} words"
    mark = next((mark for mark in DELIMITERS if is_multi_valued(facts.sample, mark)), None)
    if mark is not None:
        return "categorical", f"several of a small set of values, separated by '{mark}'"
    few = n_distinct <= _FEW_CATEGORIES and n_distinct <= 0.02 * n
    repeats = n_distinct <= 0.2 * n or (n_distinct <= 2 * _FEW_CATEGORIES and n_distinct <= 0.5 * n)
    if few or (repeats and n_words <= _SHORT_WORDS):
        return "categorical", counts
    if facts.share("code") >= 0.5 and n_words < 1.2:
        return IGNORED, f"codes that hardly come back: {counts}"
    if are_log_lines(facts.sample):
        return "log", f"lines of few templates with parameters: {counts}"
    n_long = sum(count > LONG_WORDS for count in facts.word_counts)
    if n_words > LONG_WORDS or n_long >= _MANY_LONG * len(facts.sample):
        return "document", f"{counts}, {n_words:.0f} words on average, a share of {n_long / len(facts.sample):.0%} long"
    return "text", f"{counts}, {n_words:.1f} words on average"


_RULES: tuple[Callable[[Facts], Verdict | None], ...] = (
    _of_objects,
    _of_nothing,
    _of_types,
    _of_numbers,
    _of_addresses,
    _of_files,
    _of_machine_text,
    _of_times,
    _of_written_numbers,
    _of_written_lists,
    _of_words,
)
"""The first rule that has a verdict wins; the last one always has."""


def _shortened(text: str) -> str:
    line = " ".join(text[:200].split())
    return line if len(line) <= 40 and len(text) <= 200 else f"{line[:37]}..."
