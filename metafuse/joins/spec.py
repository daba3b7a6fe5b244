"""`[[join]]` of a task file: what is joined to the source, and how."""

import zoneinfo
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from metafuse.joins.units import parse_drift, parse_duration, parse_length

By = Literal["key", "time", "place", "meaning"]
Several = Literal["refuse", "first", "mean", "list"]

ESTIMATE = "estimate"
DEFAULT_THRESHOLD = 0.8

_FITTING: dict[str, tuple[str, ...]] = {
    "key": ("several",),
    "time": ("several", "tolerance", "match", "left_zone", "right_zone", "offset", "drift"),
    "place": ("several", "radius"),
    "meaning": ("threshold",),
}
_EVERY = ("source", "name", "by", "left", "right", "take")


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _known_zone(value: str) -> str:
    if value not in zoneinfo.available_timezones():
        raise ValueError("expected the name of a time zone, such as 'Europe/Berlin' or 'UTC'")
    return value


def _drift(value: object) -> object:
    return value if value == ESTIMATE else parse_drift(value)


Names = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
Zone = Annotated[str, BeforeValidator(_known_zone)]


class JoinSpec(BaseModel):
    """One other source, joined to this one. Every row of this source stays, once.

    Args:
        source: Path beside the task file, URL, or the name of a task.
        name: Stands before its columns whose names are taken; the source's own name when not given.
        by: What rows are matched by.
        left: Column or columns of this source; for a place its latitude and longitude.
        right: Those of the other; the same names when not given.
        tolerance: Seconds that two times may be apart.
        match: Which time is taken: the nearest, the last at or before, or the first at or after.
        left_zone: Zone of times that name none.
        right_zone: The other source's.
        offset: Seconds its clock is ahead at its first row; with an estimated drift, where the search starts.
        drift: Seconds it gains a day, or "estimate" to find offset and drift from the times.
        radius: Metres that two places may be apart.
        threshold: Probability, 0..1, from which two keys are taken to mean the same.
        several: What is done where more than one row fits: refuse, take the first (nearest, most similar, or first
            in its order), the mean of numbers, or a list of all.
        take: The other source's columns that are taken; all it is not joined by when not given.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    name: str | None = None
    by: By
    left: Names = ()
    right: Names = ()
    tolerance: Annotated[float, BeforeValidator(parse_duration), Field(ge=0)] | None = None
    match: Literal["nearest", "before", "after"] = "nearest"
    left_zone: Zone = "UTC"
    right_zone: Zone = "UTC"
    offset: Annotated[float, BeforeValidator(parse_duration)] = 0.0
    drift: Annotated[float | Literal["estimate"], BeforeValidator(_drift)] = 0.0
    radius: Annotated[float, BeforeValidator(parse_length), Field(gt=0)] | None = None
    threshold: float = Field(default=DEFAULT_THRESHOLD, gt=0, le=1)
    several: Several | None = None
    take: Names | None = None

    @property
    def when_several(self) -> Several:
        """What is done where more than one row fits; a repeated key multiplies rows, and is refused unless allowed."""
        return self.several or ("refuse" if self.by == "key" else "first")

    @model_validator(mode="after")
    def _fitting(self) -> "JoinSpec":
        known = (*_EVERY, *_FITTING[self.by])
        others = sorted(self.model_fields_set - set(known))
        if others:
            raise ValueError(f"{', '.join(others)}: does not fit by = '{self.by}', which takes {', '.join(known)}")
        if self.by == "time" and self.tolerance is None:
            raise ValueError("by = 'time' needs a tolerance, such as tolerance = '5 min'")
        if self.by == "place" and self.radius is None:
            raise ValueError("by = 'place' needs a radius, such as radius = '250 m'")
        return self._check_sides()

    def _check_sides(self) -> "JoinSpec":
        if self.right and not self.left:
            raise ValueError("right needs left, the column of this source it is matched with")
        n_wanted = {"time": 1, "meaning": 1, "place": 2}.get(self.by, len(self.left))
        for side, columns in (("left", self.left), ("right", self.right)):
            if columns and len(columns) != n_wanted:
                what = "latitude and longitude" if self.by == "place" else f"{n_wanted} column{'s'[: n_wanted != 1]}"
                raise ValueError(f"{side} names {len(columns)} columns, and by = '{self.by}' needs {what}")
        return self
