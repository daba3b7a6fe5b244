"""Units that are brought to one another by a fixed factor: the common ones, each in its usual spellings.

A table and not a library such as pint: a registry of every unit with every prefix finds a meaning in almost any
two letters ("mb" a millibarn, "Mg" a megagram), and what stands behind a number in a cell is to be read only where
it leaves no doubt. Gallons and ounces of fluid (of two sizes), months in days and currencies are not in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Unit:
    """What one of a unit is.

    Args:
        dimension: Units of one dimension are converted to each other.
        factor: How much of the dimension's base unit it is.
        offset: What its zero is in the base unit; only temperatures have one.
    """

    dimension: str
    factor: float
    offset: float = 0.0


_TABLE: Mapping[str, Mapping[str, float]] = {
    "length": {
        "mm": 1e-3, "cm": 1e-2, "dm": 0.1, "m": 1.0, "km": 1e3, "in": 0.0254, "inch": 0.0254, "inches": 0.0254,
        '"': 0.0254, "″": 0.0254, "ft": 0.3048, "feet": 0.3048, "foot": 0.3048, "yd": 0.9144, "mi": 1609.344,
        "mile": 1609.344, "miles": 1609.344, "meter": 1.0, "meters": 1.0, "metre": 1.0, "metres": 1.0,
    },
    "area": {"mm2": 1e-6, "cm2": 1e-4, "m2": 1.0, "sqm": 1.0, "qm": 1.0, "ha": 1e4, "km2": 1e6, "sqft": 0.09290304},
    "volume": {
        "ml": 1e-3, "cl": 1e-2, "dl": 0.1, "l": 1.0, "liter": 1.0, "liters": 1.0, "litre": 1.0, "litres": 1.0,
        "cm3": 1e-3, "ccm": 1e-3, "dm3": 1.0, "m3": 1e3, "hl": 100.0,
    },
    "mass": {
        "µg": 1e-9, "ug": 1e-9, "mg": 1e-6, "g": 1e-3, "gr": 1e-3, "gram": 1e-3, "grams": 1e-3, "kg": 1.0, "kgs": 1.0,
        "kilo": 1.0, "t": 1e3, "oz": 0.028349523125, "lb": 0.45359237, "lbs": 0.45359237, "pound": 0.45359237,
        "pounds": 0.45359237,
    },
    "time": {
        "ns": 1e-9, "µs": 1e-6, "us": 1e-6, "ms": 1e-3, "s": 1.0, "sec": 1.0, "secs": 1.0, "second": 1.0,
        "seconds": 1.0, "min": 60.0, "mins": 60.0, "minute": 60.0, "minutes": 60.0, "h": 3600.0, "hr": 3600.0,
        "hrs": 3600.0, "hour": 3600.0, "hours": 3600.0, "d": 86400.0, "day": 86400.0, "days": 86400.0,
        "week": 604800.0, "weeks": 604800.0, "wk": 604800.0,
    },
    "months": {"month": 1.0, "months": 1.0, "mo": 1.0, "year": 12.0, "years": 12.0, "yr": 12.0, "yrs": 12.0},
    "data": {"B": 1.0, "kB": 1e3, "KB": 1e3, "kb": 1e3, "MB": 1e6, "mb": 1e6, "GB": 1e9, "gb": 1e9, "TB": 1e12,
             "tb": 1e12, "KiB": 1024.0, "MiB": 1024.0**2, "GiB": 1024.0**3, "TiB": 1024.0**4},
    "share": {"‰": 1e-3, "%": 1e-2},
    "speed": {"m/s": 1.0, "km/h": 1 / 3.6, "kmh": 1 / 3.6, "kph": 1 / 3.6, "mph": 0.44704},
    "power": {"mW": 1e-3, "W": 1.0, "kW": 1e3, "MW": 1e6, "GW": 1e9},
    "energy": {"Wh": 1.0, "kWh": 1e3, "MWh": 1e6},
    "voltage": {"mV": 1e-3, "V": 1.0, "kV": 1e3},
    "current": {"mA": 1e-3, "A": 1.0},
    "frequency": {"Hz": 1.0, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9},
    "pressure": {"Pa": 1.0, "hPa": 100.0, "kPa": 1e3, "mbar": 100.0, "bar": 1e5, "psi": 6894.757293168},
}  # fmt: skip
_TEMPERATURES = {"K": (1.0, 0.0), "°C": (1.0, 273.15), "°F": (5 / 9, 459.67 * 5 / 9)}
_UNITS: Mapping[str, Unit] = {
    name: Unit(dimension, factor) for dimension, units in _TABLE.items() for name, factor in units.items()
} | {name: Unit("temperature", *scale) for name, scale in _TEMPERATURES.items()}
_CASE_MATTERS = ("data", "power", "energy", "voltage", "current", "frequency", "pressure", "temperature", "share")
_ANY_CASE = {
    name: unit
    for name, unit in _UNITS.items()
    if unit.dimension not in _CASE_MATTERS and (len(name) > 1 or name == "l")
}


def find_unit(text: str) -> Unit | None:
    """Look a unit up by what stands behind a number; None where it is unknown or could be two things.

    Words and symbols of two letters or more are found in any case where case makes no difference.
    """
    name = text.strip().rstrip(".").replace("μ", "µ").replace("²", "2").replace("³", "3").replace("° ", "°")
    return _UNITS.get(name) or _ANY_CASE.get(name.lower())


def convert(number: float, unit: Unit, to: Unit) -> float:
    """Express a number in another unit of the same dimension."""
    converted = (number * unit.factor + unit.offset - to.offset) / to.factor
    # Twelve digits are what a cell means; the rest is the conversion's own rounding.
    return float(f"{converted:.12g}")
