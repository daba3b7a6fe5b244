"""Which column is what: the modality of each column of a source, and why it was taken for that."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd

from metafuse.columns.column_roles import find_ids, find_label
from metafuse.columns.modality_rules import Facts, kind_of
from metafuse.columns.nested_kinds import Verdict
from metafuse.columns.places import is_on_globe, place_pairs
from metafuse.columns.value_patterns import MOST, parse_numbers
from metafuse.errors import SchemaError

_EXAMPLES = 5


class Modality(StrEnum):
    """What the values of a column are."""

    TEXT = "text"
    DOCUMENT = "document"
    """Texts longer than a text model reads at once."""
    LOG = "log"
    """Log lines: a template with parameters."""
    PDF = "pdf"
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    SERIES = "series"
    """Time series, one or several channels of uneven length."""
    VECTOR = "vector"
    """Numbers of a fixed count without an order in time, such as features from elsewhere."""
    GEO = "geo"
    """A latitude and a longitude, in one column or in two."""
    NUMERIC = "numeric"
    CATEGORICAL = "categorical"
    DATETIME = "datetime"
    ID = "id"
    LABEL = "label"
    IGNORED = "ignored"


WRITTEN = (Modality.TEXT, Modality.DOCUMENT, Modality.LOG)
"""Modalities whose cells are words to read."""

TABULAR = (Modality.NUMERIC, Modality.CATEGORICAL, Modality.DATETIME)
"""Modalities that are encoded together, as one table."""

LEARNABLE = tuple(kind for kind in Modality if kind not in (Modality.ID, Modality.LABEL, Modality.IGNORED))
"""Modalities that are learned from."""


@dataclass(frozen=True)
class Column:
    """One column of a source.

    Args:
        name: The source's own name of it.
        modality: What its values are.
        reason: Why it was taken for that, in words.
    """

    name: str
    modality: Modality
    reason: str


@dataclass(frozen=True)
class Schema:
    """The columns of a source, in the source's order."""

    columns: tuple[Column, ...]

    def named(self, *modalities: Modality) -> list[str]:
        """Names of the columns that have one of these modalities."""
        return [column.name for column in self.columns if column.modality in modalities]

    @property
    def id_column(self) -> str | None:
        """The column that names each row; None where the row's position does."""
        return next(iter(self.named(Modality.ID)), None)

    @property
    def label_column(self) -> str | None:
        """The column that holds the labels; None where they come from elsewhere."""
        return next(iter(self.named(Modality.LABEL)), None)


def infer_schema(
    frame: pd.DataFrame,
    *,
    overrides: Mapping[str, Modality] | None = None,
    label_column: str | None = None,
) -> Schema:
    """Name the modality of each column from its name and its values.

    Args:
        frame: Rows as they came from the source.
        overrides: Column -> modality, from a task file; wins over what the values suggest.
        label_column: Column that holds the labels, empty where unlabelled; wins over an override.
    Raises:
        SchemaError: an override names no column, two columns are marked as id or label, ids repeat,
            or no column is left to learn from.
    """
    marked = dict(overrides or {})
    _check_names(frame, [*marked, *([] if label_column is None else [label_column])])
    found = {name: Column(name, modality, "set by the task") for name, modality in marked.items()}
    if label_column is not None:
        for name in [name for name, modality in marked.items() if modality == Modality.LABEL]:
            found[name] = Column(name, Modality.IGNORED, f"marked as label, but '{label_column}' was asked for")
        found[label_column] = Column(label_column, Modality.LABEL, "asked for as the label")
    _check_single(found.values())
    facts = {name: Facts.of(name, frame[name]) for name in frame.columns}
    roles = {column.modality for column in found.values()}
    if Modality.LABEL not in roles:
        label = find_label([facts[name] for name in facts if name not in found])
        found |= {} if label is None else {label[0]: Column(label[0], Modality.LABEL, label[1])}
    contents = {name: kind_of(facts[name]) for name in facts if name not in found}
    contents |= _find_places([facts[name] for name in contents], contents)
    if Modality.ID not in roles:
        contents |= find_ids([facts[name] for name in contents], contents)
    inferred = {name: Column(name, Modality(kind), reason) for name, (kind, reason) in contents.items()}
    schema = Schema(tuple((found | inferred)[name] for name in frame.columns))
    _check_ids(schema, facts)
    _check_places(schema, facts)
    _check_learnable(schema)
    return schema


def _find_places(candidates: Sequence[Facts], contents: Mapping[str, Verdict]) -> dict[str, Verdict]:
    """Numeric columns that are latitude and longitude of one place, by their names and values."""
    numeric = {facts.name: facts for facts in candidates if contents[facts.name][0] == Modality.NUMERIC}
    found: dict[str, Verdict] = {}
    for latitude, longitude in place_pairs(numeric):
        latitudes, longitudes = (parse_numbers(numeric[name].values) for name in (latitude, longitude))
        on_globe = [is_on_globe(degrees, 0.0) for degrees in latitudes], [is_on_globe(0.0, at) for at in longitudes]
        if min(map(np.mean, on_globe)) >= MOST:
            found[latitude] = (Modality.GEO, f"latitude of a place, with '{longitude}'")
            found[longitude] = (Modality.GEO, f"longitude of a place, with '{latitude}'")
    return found


def _check_names(frame: pd.DataFrame, wanted: Iterable[str]) -> None:
    odd = [repr(name) for name in frame.columns if not isinstance(name, str)]
    if odd:
        raise SchemaError(
            f"column names must be text, got {', '.join(odd[:_EXAMPLES])}. "
            "Rename them, for instance with frame.rename(columns=str)."
        )
    repeated = list(dict.fromkeys(frame.columns[frame.columns.duplicated()]))
    if repeated:
        raise SchemaError(f"each column needs a name of its own, got several {_quoted(repeated)}. Rename or drop them.")
    for name in wanted:
        if name not in frame.columns:
            raise SchemaError(f"no column '{name}'; the source has {_quoted(frame.columns)}. Name one of these.")


def _check_single(marked: Iterable[Column]) -> None:
    columns = list(marked)
    for modality in (Modality.ID, Modality.LABEL):
        names = [column.name for column in columns if column.modality == modality]
        if len(names) > 1:
            raise SchemaError(
                f"one column can be the {modality}, got {_quoted(names)}. Mark one and ignore the others."
            )


def _check_ids(schema: Schema, facts: Mapping[str, Facts]) -> None:
    name = schema.id_column
    if name is None or facts[name].is_unique:
        return
    values = facts[name].values
    repeated = values[values.duplicated()].drop_duplicates().astype(str).tolist()
    n_missing = facts[name].n_rows - len(values)
    parts = [f"repeated ids ({_quoted(repeated[:_EXAMPLES])}; {len(repeated):,} in all)"] if repeated else []
    parts += [f"rows without an id ({n_missing:,})"] if n_missing else []
    raise SchemaError(
        f"the id column '{name}' must name each row once, got {' and '.join(parts)}. "
        f"Correct these rows, or mark '{name}' as ignored so that the rows are numbered instead."
    )


def _check_places(schema: Schema, facts: Mapping[str, Facts]) -> None:
    names = schema.named(Modality.GEO)
    paired = [name for pair in place_pairs(names) for name in pair]
    for name in names:
        if name not in paired and facts[name].is_number:
            raise SchemaError(
                f"the place column '{name}' holds one number a row, and no other one goes with it by its name. "
                "Name the two columns alike, such as 'shop_lat' and 'shop_lon', and mark both as geo."
            )


def _check_learnable(schema: Schema) -> None:
    if schema.named(*LEARNABLE):
        return
    seen = "; ".join(f"'{column.name}': {column.modality}, {column.reason}" for column in schema.columns) or "no column"
    raise SchemaError(
        f"no column is left to learn from; at least one column of content is needed, got {seen}. "
        "Add such a column, or mark one of these with the modality it has."
    )


def _quoted(names: Iterable[object]) -> str:
    return ", ".join(f"'{name}'" for name in names)
