"""One column of a table: fitted on a source's cells, frozen, made of plain numbers and texts."""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from metafuse.columns.value_patterns import epoch_unit, find_separator, split_parts
from metafuse.written_values import find_date_order, find_decimal_sign, read_dates, read_numbers

MAX_CATEGORIES = 64
MIN_FREQUENCY = 2
"""A category seen once tells nothing about another row, so it joins the rare ones."""

SQUASH = 3.0
"""No scaled number or date is further than this from the median, however far the cell is."""

LARGEST = 1e150
"""Scaled numbers are cut off here before they are squashed: the square of a larger one is no finite number."""

MAX_VARIANCE = 2.0
"""Total variance above which a column is scaled down. A yes/no column has 0.5 at most and keeps what it has:
bringing every column to the same variance enlarges the ones that hardly vary, and cost up to 17 points."""

DAY_S = 86_400.0
CYCLES_S = {"hour": DAY_S, "weekday": 7 * DAY_S, "month": 365.2425 * DAY_S}

Part = tuple[Float[np.ndarray, "n_items dim"], Bool[np.ndarray, " n_items"], int]
"""Features, which cells hold a value, and how many hold an unreadable one."""


@dataclass(frozen=True)
class NumericColumn:
    """A number: (value - centre) / scale, squashed, less its mean, times the weight."""

    name: str
    decimal: str
    centre: float
    scale: float
    mean: float
    weight: float

    dim = 1

    @classmethod
    def fit(cls, name: str, values: pd.Series) -> "NumericColumn | None":
        """Fit on the readable cells; None where they do not vary."""
        decimal = "." if pd.api.types.is_numeric_dtype(values) else find_decimal_sign(values)
        numbers, _ = read_numbers(values, decimal)
        spread = _find_spread(numbers)
        if spread is None:
            return None
        squashed = _squash(numbers, *spread)
        return cls(name, decimal, *spread, *_standardise(squashed[~np.isnan(numbers)]))

    def encode(self, values: pd.Series) -> Part:
        """Encode cells."""
        numbers, n_unreadable = read_numbers(values, self.decimal)
        scaled = (_squash(numbers, self.centre, self.scale) - self.mean) * self.weight
        return _keep_present(scaled[:, None], ~np.isnan(numbers), n_unreadable)


@dataclass(frozen=True)
class CategoricalColumn:
    """A category, or a list of them: one feature per category, less its frequency, times the weight.

    Args:
        separator: What stands between the parts of a list; empty where cells hold one category.
        categories: The most frequent values, each with its own feature.
        rare: The other values seen, which share the last feature.
        means: Frequency of each feature.
        weight: Common factor.
    """

    name: str
    separator: str
    categories: tuple[str, ...]
    rare: tuple[str, ...]
    means: tuple[float, ...]
    weight: float

    @property
    def dim(self) -> int:
        """One feature per category and one for the rare ones, if any."""
        return len(self.means)

    @classmethod
    def fit(cls, name: str, values: pd.Series) -> "CategoricalColumn | None":
        """Fit on the cells with a value; None where they do not vary."""
        codes, texts = _as_texts(values)
        n_cells = np.bincount(codes[codes >= 0], minlength=len(texts)).tolist()
        separator = find_separator(texts, n_cells)
        counts: Counter[str] = Counter()
        for text, n_of_text in zip(texts, n_cells, strict=True):
            counts.update(dict.fromkeys(split_parts(text, separator), n_of_text))
        ordered = sorted(counts, key=lambda category: (-counts[category], category))
        categories = tuple(value for value in ordered[:MAX_CATEGORIES] if counts[value] >= MIN_FREQUENCY)
        rare = tuple(sorted(set(ordered) - set(categories)))
        unscaled = cls(name, separator, categories, rare, (0.0,) * (len(categories) + bool(rare)), 1.0)
        hot, present, _ = unscaled.encode(values)
        means = hot[present].mean(axis=0) if present.any() else np.zeros(unscaled.dim)
        variance = float((means * (1 - means)).sum())
        if variance <= 0:
            return None
        return cls(name, separator, categories, rare, tuple(means.tolist()), _weight(variance))

    def encode(self, values: pd.Series) -> Part:
        """Encode cells; unknown categories add nothing."""
        places = {category: place for place, category in enumerate(self.categories)}
        places |= dict.fromkeys(self.rare, len(self.categories))
        codes, texts = _as_texts(values)
        hot = np.zeros((len(texts) + 1, self.dim))  # the last row is that of missing cells, whose code is -1
        for row, text in enumerate(texts):
            hot[row, [places[part] for part in split_parts(text, self.separator) if part in places]] = 1.0
        known = hot.sum(axis=1, keepdims=True) > 0
        scaled = np.where(known, (hot - np.array(self.means)) * self.weight, 0.0)
        return scaled[codes], codes >= 0, 0


@dataclass(frozen=True)
class DatetimeColumn:
    """A date: a squashed time line, and a sine and cosine for each cycle that the dates run through.

    Args:
        day_first: Whether 3/4 is the third of April.
        epoch: Unit of stored numbers that count time since 1970; None where there are none.
        centre, scale: Median and spread, in seconds since 1970.
        cycles: Names out of `CYCLES_S`.
        means, weight: Of the features, in the order time line, then sine and cosine of each cycle.
    """

    name: str
    day_first: bool
    epoch: str | None
    centre: float
    scale: float
    cycles: tuple[str, ...]
    means: tuple[float, ...]
    weight: float

    @property
    def dim(self) -> int:
        """The time line and two features per cycle."""
        return 1 + 2 * len(self.cycles)

    @classmethod
    def fit(cls, name: str, values: pd.Series) -> "DatetimeColumn | None":
        """Fit on the readable cells; None where they do not vary."""
        is_number = pd.api.types.is_numeric_dtype(values)
        # A column that the task marks as dates may count since 1970 under any name.
        epoch = (epoch_unit(name, values.dropna()) or "s") if is_number else None
        day_first = not is_number and find_date_order(values)
        seconds, _ = read_dates(values, day_first, epoch)
        spread = _find_spread(seconds)
        if spread is None:
            return None
        known = seconds[~np.isnan(seconds)]
        span = float(known.max() - known.min())
        cycles = tuple(
            cycle for cycle, period in CYCLES_S.items() if span >= period and (cycle != "hour" or (known % DAY_S).any())
        )
        unscaled = cls(name, day_first, epoch, *spread, cycles, (0.0,) * (1 + 2 * len(cycles)), 1.0)
        features = unscaled._features(known)
        variance = float(features.var(axis=0).sum())
        return cls(name, day_first, epoch, *spread, cycles, tuple(features.mean(axis=0).tolist()), _weight(variance))

    def encode(self, values: pd.Series) -> Part:
        """Encode cells."""
        seconds, n_unreadable = read_dates(values, self.day_first, self.epoch)
        scaled = (self._features(seconds) - np.array(self.means)) * self.weight
        return _keep_present(scaled, ~np.isnan(seconds), n_unreadable)

    def _features(self, seconds: Float[np.ndarray, " n_items"]) -> Float[np.ndarray, "n_items dim"]:
        parts = [_squash(seconds, self.centre, self.scale)]
        for cycle in self.cycles:
            angle = 2 * np.pi * (seconds % CYCLES_S[cycle]) / CYCLES_S[cycle]
            parts += [np.sin(angle), np.cos(angle)]
        return np.stack(parts, axis=1)


TableColumn = NumericColumn | CategoricalColumn | DatetimeColumn


def _find_spread(numbers: Float[np.ndarray, " n_items"]) -> tuple[float, float] | None:
    """Median and distance of the quartiles, or half the range where these are equal."""
    known = numbers[~np.isnan(numbers)]
    if len(known) == 0 or known.min() == known.max():
        return None
    low, median, high = np.percentile(known, [25, 50, 75])
    scale = high - low if high > low else (known.max() - known.min()) / 2
    return float(median), float(scale)


def _squash(numbers: Float[np.ndarray, " n_items"], centre: float, scale: float) -> Float[np.ndarray, " n_items"]:
    with np.errstate(over="ignore"):
        scaled = np.clip((numbers - centre) / scale, -LARGEST, LARGEST)
    return scaled / np.sqrt(1 + (scaled / SQUASH) ** 2)


def _standardise(squashed: Float[np.ndarray, " n_items"]) -> tuple[float, float]:
    return float(squashed.mean()), _weight(float(squashed.var()))


def _weight(variance: float) -> float:
    return float(min(1.0, np.sqrt(MAX_VARIANCE / variance)))


def _keep_present(
    scaled: Float[np.ndarray, "n_items dim"], present: Bool[np.ndarray, " n_items"], n_unreadable: int
) -> Part:
    return np.where(present[:, None], scaled, 0.0), present, n_unreadable


def _as_texts(values: pd.Series) -> tuple[Int[np.ndarray, " n_items"], list[str]]:
    """Distinct texts of the cells, and which one each cell holds; -1 where missing or empty.

    A whole number is the same category whether it is stored as 1 or 1.0.
    """
    if values.dtype == object:
        values = values.map(lambda value: value if isinstance(value, Hashable) else str(value))
    codes, distinct = pd.factorize(values)
    places: dict[str, int] = {}
    place_of_code = np.full(len(distinct) + 1, -1)
    for code, value in enumerate(distinct):
        text = _as_text(value)
        if text:
            place_of_code[code] = places.setdefault(text, len(places))
    return place_of_code[codes], list(places)


def _as_text(value: object) -> str:
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()
