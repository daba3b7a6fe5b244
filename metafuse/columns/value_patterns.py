"""What values look like: patterns of cells, and what numbers and times a column of them holds."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
from jaxtyping import Bool

from metafuse.columns.measurement_units import find_unit
from metafuse.written_values import (
    find_date_order,
    find_decimal_sign,
    is_blank_text,
    parse_quantity,
    read_dates,
    read_numbers,
)

SAMPLE = 5000
"""Values looked at by regular expressions; counts of distinct values always see every row."""
MOST = 0.9
"""Share of values that must fit a pattern: real columns hold a few slips."""

IMAGE_SUFFIXES = ("png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff")
AUDIO_SUFFIXES = ("wav", "mp3", "flac", "ogg", "m4a", "opus", "aac")
VIDEO_SUFFIXES = ("mp4", "mkv", "avi", "mov", "webm", "mpeg", "mpg")
PDF_SUFFIXES = ("pdf",)
_IMAGE_HEADS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\x00", b"MM\x00*", b"RIFF")
_PATTERNS = {
    "url": r"(?i)(?:[a-z][a-z0-9+.-]{1,9}://|www\.|data:[a-z]+/)\S+",
    "image": rf"(?is).+\.(?:{'|'.join(IMAGE_SUFFIXES)})\s*",
    "audio": rf"(?is).+\.(?:{'|'.join(AUDIO_SUFFIXES)})\s*",
    "video": rf"(?is).+\.(?:{'|'.join(VIDEO_SUFFIXES)})\s*",
    "pdf": r"(?is).+\.pdf\s*",
    "path": r"(?:[A-Za-z]:\\|\.{0,2}/|~/)\S+|(?:[^\s/\\]+[/\\])+[^\s/\\]+\.\w{1,5}",
    "hash": r"(?i)(?:0x)?[0-9a-f]{32,128}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "clock": r"\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?:\s?[AaPp][Mm])?",
    "code": r"(?=.*\d)[\x21-\x7e]{1,64}",
}
_DATE = re.compile(
    r"(?i)(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d\d)"
    r"|(?:[a-z]{3,9},?\s+)?\d{1,2}\.?[\s-][a-z]{3,9}\.?[\s-]\d{4}|[a-z]{3,9}\.?\s+\d{1,2},?\s+\d{4})(?:[T\s,].*)?"
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
        kind: url, image, audio, video, pdf (by suffix), path, hash, clock or code.
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


def number_share(texts: Sequence[str]) -> tuple[float, str]:
    """Share of texts that are numbers in the unit most of them have, or one that is converted to it, and that unit.

    Numbers with leading zeros are codes (post codes, article numbers) and are not counted; "?" and other texts for a
    missing number are passed over.
    """
    texts = [text for text in texts if not is_blank_text(text)]
    units: Counter[str] = Counter()
    for text in texts:
        found = None if re.match(r"\s*0\d", text) else parse_quantity(text, ".")
        if found is not None and found.is_plain:
            units[found.unit] += 1
    kinds: Counter[str] = Counter()
    for name, count in units.items():
        kinds[_kind_of_unit(name)] += count
    kind = max(kinds, key=lambda name: (kinds[name], name), default="")
    if not kind:
        return kinds[""] / max(1, len(texts)), ""
    unit = max((name for name in units if _kind_of_unit(name) == kind), key=lambda name: (units[name], name))
    return (kinds[kind] + kinds[""]) / len(texts), unit


def _kind_of_unit(name: str) -> str:
    known = find_unit(name)
    return name if known is None else known.dimension


def parse_numbers(values: pd.Series) -> pd.Series:
    """Convert a numeric column, stored as numbers or as texts with units, to float64; NaN where it holds no number."""
    numbers, _ = read_numbers(values, find_decimal_sign(values))
    return pd.Series(numbers, index=values.index)


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


def looks_like_dates(texts: Sequence[str]) -> bool:
    """Tell whether texts are dates, with or without a time, that can be parsed."""
    texts = [text for text in texts if not is_blank_text(text)]
    if not texts or sum(_DATE.fullmatch(text.strip()) is not None for text in texts) < MOST * len(texts):
        return False
    sample = evenly(pd.Series(texts, dtype=object), 500)
    seconds, _ = read_dates(sample, find_date_order(sample))
    return bool(np.isfinite(seconds).mean() >= MOST)


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


def find_separator(texts: Sequence[str], n_cells: Sequence[int]) -> str:
    """The sign between the parts of lists such as "Cool|Indoor": in half of the cells at least, with parts that repeat.

    Args:
        texts: Distinct cells.
        n_cells: How often each occurs.
    Returns:
        "" where cells are no lists.
    """
    for mark in DELIMITERS:
        n_lists = sum(count for text, count in zip(texts, n_cells, strict=True) if mark in text)
        if texts and 2 * n_lists >= sum(n_cells):
            parts = {part for text in texts for part in split_parts(text, mark)}
            if len(parts) < len(texts):
                return mark
    return ""


def split_parts(text: str, separator: str) -> list[str]:
    """Split a cell at a separator, blank parts left out; with none it is one part."""
    if not separator:
        return [text]
    return [part.strip() for part in text.split(separator) if part.strip()]
