"""One column in several units brought to the unit it is mostly written in: "1500 g" beside "1,5 kg"."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

from metafuse.cleaning.base import Finding, Kind, Replacement
from metafuse.cleaning.distinct import Distinct, find_distinct, replace_texts
from metafuse.columns.measurement_units import Unit, convert, find_unit
from metafuse.columns.value_patterns import name_words
from metafuse.written_values import find_decimal_sign, parse_quantity

PERCENT = "%"
_SHOWN = 5
_FEWEST = 5
"""Cells with a percent sign from which on numbers without one can be judged."""


@dataclass(frozen=True)
class UnitRule:
    """The unit of a column.

    Args:
        column: Its name.
        decimal: "." or ",": how it writes numbers.
        unit: As the source writes it.
        shares: Whether numbers without a unit are shares of 1 in a column of percents.
    """

    column: str
    decimal: str
    unit: str
    shares: bool

    kind = Kind.UNIT

    def replace(self, values: pd.Series) -> Replacement:
        """Find the cells in another unit of the same dimension."""
        return replace_texts(values, self._convert)

    def _convert(self, text: str) -> str:
        found, to = parse_quantity(text, self.decimal), find_unit(self.unit)
        if found is None or to is None:
            return text
        if not found.unit and self.shares:
            return self._write(float(f"{100 * found.number:.12g}"))
        unit = find_unit(found.unit)
        if unit is None or unit == to or unit.dimension != to.dimension:
            return text
        return self._write(convert(found.number, unit, to))

    def _write(self, number: float) -> str:
        return f"{np.format_float_positional(number, trim='-').replace('.', self.decimal)} {self.unit}"


def fit_unit(column: str, values: pd.Series) -> tuple[UnitRule | None, tuple[Finding, ...]]:
    """Learn the unit of a column of numbers, and whether numbers without one are in another.

    It is the most frequent of the units, or the one that the column's name ends in ("weight_kg"). Currencies and
    unknown units are never converted.

    Args:
        column: Its name.
        values: Its cells, written as text; numbers have no unit.
    """
    distinct, decimal = find_distinct(values), find_decimal_sign(values)
    units: Counter[str] = Counter()
    numbers: dict[str, list[float]] = {}
    for text, count in zip(distinct.texts, distinct.counts, strict=True):
        found = parse_quantity(text, decimal)
        if found is not None:
            units[found.unit] += count
            numbers.setdefault(found.unit, []).append(found.number)
    own = _own_unit(column, units)
    if own is None:
        return None, _left(column, "", units)
    shares = own == PERCENT and _are_shares(numbers.get("", []), numbers.get(PERCENT, []), units[PERCENT])
    plain = () if shares or own != PERCENT or not units[""] else _unclear_shares(column, distinct, decimal)
    return UnitRule(column, decimal, own, shares), (*_left(column, own, units), *plain)


def _own_unit(column: str, units: Counter[str]) -> str | None:
    """The most frequent unit in its most frequent spelling; None where that is no known one."""
    totals: Counter[Unit | str] = Counter()
    for name, count in units.items():
        if name:
            totals[find_unit(name) or name] += count
    ordered = sorted((name for name in units if name), key=lambda name: (-units[name], name))
    most = max(ordered, key=lambda name: totals[find_unit(name) or name], default="")
    unit, last_word = find_unit(most), (name_words(column) or [""])[-1]
    if unit is None:
        return None
    by_name = find_unit(last_word)
    return last_word if by_name is not None and by_name.dimension == unit.dimension else most


def _are_shares(plain: list[float], percents: list[float], n_percents: int) -> bool:
    """Numbers without a sign are shares of 1 where all are within 0..1, and the percents lie above them."""
    if not plain or n_percents < _FEWEST:
        return False
    within = all(0 <= number <= 1 for number in plain) and any(number % 1 for number in plain)
    return within and float(np.quantile(percents, 0.1)) > max(plain)


def _left(column: str, own: str, units: Counter[str]) -> tuple[Finding, ...]:
    """Cells in a unit that is not converted to the column's own."""
    to = find_unit(own)
    known = max(units.values(), default=0)
    others = {
        name: count
        for name, count in units.items()
        if name and name != own and not (to and (unit := find_unit(name)) and unit.dimension == to.dimension)
    }
    if to is None and others:
        # the most frequent of unknown units is the column's own
        del others[max(others, key=lambda name: (others[name], name))]
    if not others or not known:
        return ()
    shown = ", ".join(f"'{name}'" for name in sorted(others)[:_SHOWN])
    text = f"numbers in {shown} stand beside those of the column's own unit and are not converted"
    return (Finding(column, Kind.UNIT, sum(others.values()), text),)


def _unclear_shares(column: str, distinct: Distinct, decimal: str) -> tuple[Finding, ...]:
    n_plain = 0
    for text, count in zip(distinct.texts, distinct.counts, strict=True):
        found = parse_quantity(text, decimal)
        n_plain += count if found is not None and not found.unit else 0
    return (Finding(column, Kind.UNIT, n_plain, "numbers without a percent sign are taken for percents"),)
