"""Durations, distances and clock drifts as people write them: "5 min", "250 m", "2 s/day"."""

import re

DAY_S = 86_400.0

_LENGTH = re.compile(r"\s*(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[a-z]+)\s*")
_METRES = {"m": 1.0, "km": 1000.0, "mi": 1609.344, "ft": 0.3048, "cm": 0.01}


def parse_duration(value: object) -> float:
    """Read a duration with its unit, such as "5 min", "90 s", "-2 h" or "1 day 6 h"; a bare number is in seconds.

    Returns:
        Seconds.
    Raises:
        ValueError: it is none, in words.
    """
    import pandas as pd

    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    try:
        # pandas reads a text without a unit as nanoseconds
        if isinstance(value, str) and re.search("[a-zA-Z]", value):
            return float(pd.Timedelta(value).total_seconds())
    except ValueError:
        pass
    raise ValueError("expected a duration with its unit, such as '5 min', '90 s' or '2 h'")


def parse_length(value: object) -> float:
    """Read a distance with its unit, such as "250 m" or "1.5 km"; a bare number is in metres.

    Returns:
        Metres.
    Raises:
        ValueError: it is none, in words.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    match = _LENGTH.fullmatch(value) if isinstance(value, str) else None
    if match is None or match["unit"] not in _METRES:
        raise ValueError(f"expected a distance with its unit ({', '.join(_METRES)}), such as '250 m' or '1.5 km'")
    return float(match["number"]) * _METRES[match["unit"]]


def parse_drift(value: object) -> float:
    """Read a clock's drift, such as "2 s/day", "-50 ms/h" or "20 ppm"; a bare number is in seconds a day.

    Returns:
        Seconds a day, positive for a clock that gains.
    Raises:
        ValueError: it is none, in words.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    text = value.strip() if isinstance(value, str) else ""
    parts = re.fullmatch(r"(?P<change>-?[\d.]+)\s*(?:ppm|(?P<unit>[a-z]+)\s*/\s*(?P<span>[a-z]+))", text)
    if parts is None:
        raise ValueError("expected 'estimate' or a drift such as '2 s/day' or '20 ppm'")
    if parts["unit"] is None:
        return float(parts["change"]) * 1e-6 * DAY_S
    change, span = parse_duration(f"{parts['change']} {parts['unit']}"), parse_duration(f"1 {parts['span']}")
    return change / span * DAY_S
