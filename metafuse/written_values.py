"""Cells as people write them, read as plain numbers and times; the schema and the encoders read them alike.

Quantities may carry units, currency signs, decimal commas and thousands separators, dates any usual form.
What the sign of decimals and the order of day and month are is told from a column as a whole.
"""

import math
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from pandas.tseries.api import guess_datetime_format

WORDS_FOR_NOTHING = frozenset(
    [
        *("n/a", "#n/a", "n.a.", "na", "nan", "<na>", "null", "unknown", "not known", "not available"),
        *("not specified", "unspecified", "no data", "k.a.", "keine angabe", "unbekannt"),
    ]
)
"""Cells that say that there is no value, lower case. "none" is none of them: as a category it often says that there is
no such thing, which is a value."""

MARKS_FOR_NOTHING = frozenset(["?", "??", "???", "-", "--", "---", "\N{EN DASH}", "\N{EM DASH}"])

BLANK = WORDS_FOR_NOTHING | MARKS_FOR_NOTHING | {"", "none"}
"""Texts that stand for a missing number or date, lower case."""

SAMPLE = 2000
"""Cells, spread over the column, from which the way of writing is told."""

_QUANTITY = re.compile(
    r"(?P<sign>[+-])?\s*(?P<before>[^\d.,+(-]{0,4}?)(?P<mantissa>[+-]?(?:\d[\d.,]*|[.,]\d+))(?P<exponent>e[+-]?\d+)?"
    r"(?P<after>\s*[^\d\s.,+/-]\D*(?:(?<=[^\W\d_])[23])?)?",
    re.IGNORECASE,
)
_GROUP_SPACE = re.compile(r"(?<=\d)[\s'\u2019](?=\d{3}(?!\d))")
_GROUPED = re.compile(r"[-+]?\d{1,3}(?:([.,])\d{3})?(?:\1\d{3})*")
_CURRENCY = re.compile(r"(?:[A-Z]{0,2}[€$£¥₹]|[A-Z]{3}\s)?\s*")
_UNIT = re.compile(r"\s*[%‰€$£¥₹°µμ]?[^\W\d_]{0,7}[²³23]?(?:/[^\W\d_]{1,4}[²³23]?)?\s*")


@dataclass(frozen=True)
class Quantity:
    """A number as it is written.

    Args:
        number: Finite; the unit is not converted.
        unit: What stands before and after the number, "" where nothing does.
        is_plain: Whether that looks like a unit or a currency, so that a column of such cells is one of numbers.
    """

    number: float
    unit: str
    is_plain: bool


def find_decimal_sign(values: pd.Series) -> str:
    """Tell whether a column writes decimals with a comma or a point.

    The majority of the numbers that leave no doubt decides, a point where none does: of two different
    signs the last is decimal, and so is a single one that three digits do not follow.
    """
    signs = [
        _clear_decimal(match["mantissa"])
        for value in _sample(values)
        if isinstance(value, str) and (match := _QUANTITY.fullmatch(_clean(value))) is not None
    ]
    return "," if signs.count(",") > signs.count(".") else "."


def parse_quantity(text: str, decimal: str) -> Quantity | None:
    """Read a number that may carry a currency sign before it or a unit after it.

    Spaces, apostrophes, points and commas between groups of three digits are thousands separators:
    "$ 3.20" is 3.2 and "1.234,5 kg" is 1234.5.

    Args:
        text: A cell.
        decimal: "." or ",", as `find_decimal_sign` tells; decides what "1,234" is.
    Returns:
        None where the text is no single finite number.
    """
    match = _QUANTITY.fullmatch(_clean(text))
    digits = _plain(match["mantissa"], decimal) if match is not None else None
    if match is None or digits is None or (match["sign"] and digits[0] in "+-"):
        return None
    number = float((match["sign"] or "") + digits + (match["exponent"] or ""))
    before, after = match["before"], match["after"] or ""
    is_plain = _CURRENCY.fullmatch(before) is not None and _UNIT.fullmatch(after) is not None
    return Quantity(number, (before + after).strip(), is_plain) if math.isfinite(number) else None


def read_number(value: object, decimal: str) -> float | None:
    """Read a number or a text that holds one, see `parse_quantity`; the unit is dropped, not converted."""
    if isinstance(value, str):
        found = parse_quantity(value, decimal)
        return None if found is None else found.number
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def read_numbers(values: pd.Series, decimal: str) -> tuple[Float[np.ndarray, " n_items"], int]:
    """Read a column of quantities.

    Returns:
        float64 with NaN where missing or unreadable, and how many cells were unreadable.
    """
    if pd.api.types.is_numeric_dtype(values):
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        infinite = np.isinf(numbers)
        return np.where(infinite, np.nan, numbers), int(infinite.sum())
    blank = find_blank(values)
    known: dict[object, float | None] = {}
    numbers = np.full(len(values), np.nan)
    for position, value in enumerate(values):
        if not blank[position]:
            key = value if isinstance(value, str | Real) else str(value)
            if key not in known:
                known[key] = read_number(key, decimal)
            numbers[position] = np.nan if known[key] is None else known[key]
    return numbers, int((np.isnan(numbers) & ~blank).sum())


def find_date_order(values: pd.Series) -> bool:
    """Tell whether a column writes the day before the month: the reading that fits more cells, month first on a tie."""
    sample = _sample(values)
    return read_dates(sample, day_first=True)[1] < read_dates(sample, day_first=False)[1]


def read_dates(
    values: pd.Series, day_first: bool, epoch: str | None = None
) -> tuple[Float[np.ndarray, " n_items"], int]:
    """Read a column of dates.

    Args:
        values: The cells; times without a zone are taken for UTC.
        day_first: Whether 3/4 is the third of April.
        epoch: Unit of stored numbers that count time since 1970: "s", "ms", "us" or "ns"; None where there are none.
    Returns:
        Seconds since 1970 (UTC where the cells name a zone), NaN where missing or unreadable, and how
        many cells were unreadable.
    """
    if pd.api.types.is_numeric_dtype(values) and epoch is not None:
        numbers, n_unreadable = read_numbers(values, ".")
        return numbers / {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[epoch], n_unreadable
    blank = find_blank(values)
    dates = pd.to_datetime(values.mask(blank), errors="coerce", utc=True, format="ISO8601")
    if not pd.api.types.is_datetime64_any_dtype(values.dtype):
        rest = values.mask(blank | dates.notna().to_numpy()).dropna()
        dates = dates.fillna(_read_written_dates(rest, day_first))
    missing = dates.isna().to_numpy()
    seconds = dates.dt.tz_convert(None).to_numpy(dtype="datetime64[us]").astype(np.int64) / 1e6
    return np.where(missing, np.nan, seconds), int((missing & ~blank).sum())


def find_blank(values: pd.Series) -> Bool[np.ndarray, " n_items"]:
    """Mark the cells of a column of numbers or dates that are missing or hold a text that stands for that."""
    blank = values.isna().to_numpy(dtype=bool)
    if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_datetime64_any_dtype(values.dtype):
        return blank
    texts: Sequence[bool] = [isinstance(value, str) and is_blank_text(value) for value in values]
    return blank | np.asarray(texts, dtype=bool)


def is_blank_text(text: str) -> bool:
    """Tell whether a text stands for a missing number or date."""
    return text.strip().casefold() in BLANK


def _read_written_dates(values: pd.Series, day_first: bool) -> pd.Series:
    # The form of the first cell is tried on all, which is fast; what it does not fit is read cell by cell.
    first = next((value for value in values if isinstance(value, str)), "")
    with warnings.catch_warnings():
        # pandas warns where the first cell speaks for the other order; the column as a whole decided.
        warnings.simplefilter("ignore", UserWarning)
        form = guess_datetime_format(first, dayfirst=day_first) or "ISO8601"
    dates = pd.to_datetime(values, errors="coerce", utc=True, format=form)
    others = values[dates.isna()]
    dates = dates.fillna(pd.to_datetime(others, errors="coerce", utc=True, format="mixed", dayfirst=day_first))
    return _fitting(values, dates, day_first)


def _fitting(values: pd.Series, dates: pd.Series, day_first: bool) -> pd.Series:
    # pandas swaps day and month where the asked order is impossible; such a cell speaks for the other order.
    leading = pd.to_numeric(values.map(str).astype(str).str.extract(r"^\s*(\d{1,2})[/.-]\d{1,2}[/.-]\d", expand=False))
    expected = dates.dt.day if day_first else dates.dt.month
    return dates.mask((leading.notna() & dates.notna() & (leading != expected)).to_numpy(dtype=bool))


def _clear_decimal(mantissa: str) -> str | None:
    """The sign that can only be decimal, "" where none is, None where three digits leave it open."""
    signs = [sign for sign in mantissa if sign in ".,"]
    if not signs or signs.count(signs[-1]) > 1:
        return ""
    whole, _, fraction = mantissa.rpartition(signs[-1])
    clear = len(signs) > 1 or len(fraction) != 3 or whole.lstrip("+-") in {"", "0"}
    return signs[-1] if clear else None


def _plain(mantissa: str, decimal: str) -> str | None:
    sign = _clear_decimal(mantissa)
    if sign is None:
        sign = decimal if decimal in mantissa else ""
    whole, _, fraction = mantissa.rpartition(sign) if sign else (mantissa, "", "")
    if any(mark in whole for mark in ".,") and not _GROUPED.fullmatch(whole):
        return None
    return whole.replace(".", "").replace(",", "") + ("." + fraction if sign else "")


def _sample(values: pd.Series) -> pd.Series:
    return values.iloc[:: -(-len(values) // SAMPLE) or 1]


def _clean(text: str) -> str:
    return _GROUP_SPACE.sub("", text.strip().replace("\N{MINUS SIGN}", "-"))
