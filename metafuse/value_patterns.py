"""What values look like: patterns of cells, and the numbers and times that people write in them."""

import json
import re
from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
from jaxtyping import Bool

SAMPLE = 5000
"""Values looked at by regular expressions; counts of distinct values always see every row."""
MOST = 0.9
"""Share of values that must fit a pattern: real columns hold a few slips."""

IMAGE_SUFFIXES = ("png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff")
AUDIO_SUFFIXES = ("wav", "mp3", "flac", "ogg", "m4a", "opus", "aac")
VIDEO_SUFFIXES = ("mp4", "mkv", "avi", "mov", "webm", "mpeg", "mpg")
_IMAGE_HEADS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\x00", b"MM\x00*", b"RIFF")
_PATTERNS = {
    "url": r"(?i)(?:[a-z][a-z0-9+.-]{1,9}://|www\.|data:[a-z]+/)\S+",
    "image": rf"(?is).+\.(?:{'|'.join(IMAGE_SUFFIXES)})\s*",
    "audio": rf"(?is).+\.(?:{'|'.join(AUDIO_SUFFIXES)})\s*",
    "video": rf"(?is).+\.(?:{'|'.join(VIDEO_SUFFIXES)})\s*",
    "path": r"(?:[A-Za-z]:\\|\.{0,2}/|~/)\S+|(?:[^\s/\\]+[/\\])+[^\s/\\]+\.\w{1,5}",
    "hash": r"(?i)(?:0x)?[0-9a-f]{32,128}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "clock": r"\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?:\s?[AaPp][Mm])?",
    "code": r"(?=.*\d)[\x21-\x7e]{1,64}",
}
_DATE = re.compile(
    r"(?i)(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d\d)"
    r"|(?:[a-z]{3,9},?\s+)?\d{1,2}\.?[\s-][a-z]{3,9}\.?[\s-]\d{4}|[a-z]{3,9}\.?\s+\d{1,2},?\s+\d{4})(?:[T\s,].*)?"
)
_NUMBER = re.compile(
    r"\s*(?P<before>[€$£¥₹]|[A-Z]{3}\s)?\s*(?P<sign>[+\-\u2212]?)\s*"
    r"(?P<number>\d{1,3}(?:[ ',.\u00a0\u202f]\d{3})+(?:[.,]\d+)?|\d+(?:[.,]\d+)?|[.,]\d+)(?P<exponent>[eE][+-]?\d+)?"
    r"\s*(?P<after>[%‰€$£¥°µ]?[A-Za-z]{0,7}[²³]?(?:/[A-Za-z]{1,4}[²³]?)?)\s*"
)
_TIME_WORDS = frozenset(
    ["time", "timestamp", "date", "datetime", "at", "on", "ts", "epoch", "created", "updated", "modified"]
)
DELIMITERS = ("|", ";")
"""What separates the items of a multi-valued cell."""


def name_words(name: str) -> list[str]:
    """Split a column name into lower-case words: at capitals, digits' edges excepted, and at anything not a letter."""
    return re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).lower())


def present_mask(values: pd.Series) -> Bool[np.ndarray, " n_rows"]:
    """Mark the cells that hold something; blank text counts as missing."""
    mask = values.notna().to_numpy(dtype=bool)
    if values.dtype != object and pd.api.types.is_string_dtype(values.dtype):
        return mask & values.str.strip().ne("").fillna(False).to_numpy(dtype=bool)
    if values.dtype == object or isinstance(values.dtype, pd.CategoricalDtype):
        return mask & np.fromiter(
            (not isinstance(cell, str) or bool(cell.strip()) for cell in values), bool, len(values)
        )
    return mask


def evenly(values: pd.Series, limit: int = SAMPLE) -> pd.Series:
    """Take at most `limit` values, evenly spaced, so that sorted data is seen from end to end."""
    if len(values) <= limit:
        return values
    return values.iloc[np.linspace(0, len(values) - 1, limit).astype(int)]


def share_matching(texts: Sequence[str], kind: str) -> float:
    """Share of texts that fit a named pattern as a whole.

    Args:
        texts: At least one text.
        kind: url, image, audio, video (by suffix), path, hash, clock or code.
    """
    pattern = re.compile(_PATTERNS[kind])
    return sum(pattern.fullmatch(text.strip()) is not None for text in texts) / len(texts)


def is_image(cell: object) -> bool:
    """Tell whether a cell that is not text holds an image: bytes, array, PIL image, or a dict of bytes and path."""
    if isinstance(cell, bytes | bytearray | memoryview):
        head = bytes(cell[:12])
        return head.startswith(_IMAGE_HEADS) and (not head.startswith(b"RIFF") or head[8:] == b"WEBP")
    if isinstance(cell, dict):
        path = cell.get("path")
        named = isinstance(path, str) and path.lower().endswith(IMAGE_SUFFIXES)
        return set(cell) == {"bytes", "path"} and (named or is_image(cell["bytes"]))
    if isinstance(cell, np.ndarray):
        return cell.dtype == np.uint8 and cell.ndim in (2, 3)
    return any(kind.__module__.startswith("PIL.") for kind in type(cell).__mro__)


def is_nested(texts: Sequence[str]) -> bool:
    """Tell whether texts are JSON objects or arrays."""
    if sum(text.lstrip()[:1] in ("{", "[") for text in texts) < MOST * len(texts):
        return False
    n_parsed = 0
    for text in texts:
        try:
            n_parsed += isinstance(json.loads(text), dict | list)
        except ValueError:
            continue
    return n_parsed >= MOST * len(texts)


def parse_number(text: str) -> tuple[float, str] | None:
    """Read a number written for people: "1,299.00 kg", "€ 12,50", "7 %".

    A single comma or full stop before three digits is read as a decimal mark only for the full stop.

    Returns:
        The number and its unit ("" where it has none), or None where the text is no number.
    """
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    digits = re.sub(r"[ '\u00a0\u202f]", "", match["number"])
    if "," in digits and "." in digits:
        thousands = "," if digits.rindex(".") > digits.rindex(",") else "."
        digits = digits.replace(thousands, "").replace(",", ".")
    elif digits.count(",") > 1 or digits.count(".") > 1 or re.fullmatch(r"[1-9]\d{0,2},\d{3}", digits):
        digits = digits.replace(",", "").replace(".", "")
    sign = "-" if match["sign"] in ("-", "\u2212") else ""
    number = float(sign + digits.replace(",", ".") + (match["exponent"] or ""))
    return number, ((match["before"] or "") + (match["after"] or "")).strip()


def number_share(texts: Sequence[str]) -> tuple[float, str]:
    """Share of texts that are numbers in the unit most of them have, and that unit.

    Numbers with leading zeros are codes (post codes, article numbers) and are not counted.
    """
    units: dict[str, int] = {}
    for text in texts:
        parsed = None if re.match(r"\s*0\d", text) else parse_number(text)
        if parsed is not None:
            units[parsed[1]] = units.get(parsed[1], 0) + 1
    if not units:
        return 0.0, ""
    unit = max(units, key=lambda name: (units[name], name))
    return (units[unit] + (units.get("", 0) if unit else 0)) / len(texts), unit


def parse_numbers(values: pd.Series) -> pd.Series:
    """Convert a numeric column, stored as numbers or as texts with units, to float64; NaN where it holds no number."""
    if pd.api.types.is_numeric_dtype(values.dtype):
        return values.astype("float64")
    parsed = [
        parse_number(str(cell)) if there else None for cell, there in zip(values, present_mask(values), strict=True)
    ]
    return pd.Series([np.nan if found is None else found[0] for found in parsed], index=values.index, dtype="float64")


def epoch_unit(name: str, values: pd.Series) -> str | None:
    """Unit of numbers that count time since 1970, or None; the name must speak of time, the years be 1980 to 2100.

    Returns:
        "s", "ms", "us" or "ns".
    """
    if not _TIME_WORDS & set(name_words(name)):
        return None
    low, high = float(values.min()), float(values.max())
    scales = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
    return next((unit for unit, scale in scales.items() if low >= 3.15e8 * scale and high <= 4.1e9 * scale), None)


def parse_datetimes(values: pd.Series, name: str) -> pd.Series:
    """Convert a datetime column, stored as datetimes, texts or counts since 1970, to UTC; NaT where it holds none.

    Args:
        values: The cells; times without a zone are taken for UTC.
        name: The column's name, which tells counts since 1970 from other numbers.
    """
    if pd.api.types.is_numeric_dtype(values.dtype):
        return pd.to_datetime(values, unit=epoch_unit(name, values.dropna()) or "s", utc=True, errors="coerce")
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return pd.to_datetime(values, utc=True)
    return pd.to_datetime(values.where(present_mask(values)), format="mixed", utc=True, errors="coerce")


def looks_like_dates(texts: Sequence[str]) -> bool:
    """Tell whether texts are dates, with or without a time, that can be parsed."""
    if sum(_DATE.fullmatch(text.strip()) is not None for text in texts) < MOST * len(texts):
        return False
    sample = evenly(pd.Series(texts, dtype=object), 500)
    return bool(parse_datetimes(sample, "").notna().mean() >= MOST)


def holds_dates(cells: Sequence[object]) -> bool:
    """Tell whether all cells are date or datetime objects."""
    return all(isinstance(cell, date) for cell in cells)


def is_multi_valued(texts: Sequence[str], mark: str) -> bool:
    """Tell whether cells hold several items of a small vocabulary, separated by a mark."""
    if sum(mark in text.strip(mark) for text in texts) < 0.2 * len(texts):
        return False
    items = [item.strip() for text in texts for item in text.split(mark) if item.strip()]
    if np.mean([len(item.split()) for item in items]) > 3:
        return False
    # free keywords are language and better read as text; a vocabulary is small and its items come back
    return len(set(items)) <= min(200, len(items) / 4)
