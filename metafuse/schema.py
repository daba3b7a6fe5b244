"""Which column is what: the modality of each column of a source, and why it was taken for that."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from metafuse.errors import SchemaError
from metafuse.modality_rules import Facts, kind_of

LABEL_NAMES = ("label", "labels", "class", "category", "intent", "target", "reason", "y", "outcome", "tag")
"""Names of label columns, the strongest first; "return_reason" counts too, after the exact ones."""
ID_NAMES = (
    "id",
    "uuid",
    "guid",
    "rowid",
    "lineid",
    "key",
    "code",
    "codes",
    "sku",
    "index",
    "unnamed",
    "filename",
    "file",
)
_GROUP_WORDS = frozenset(("id", "uuid", "guid", "key", "sku", "pid"))
_CONTENT_NAMES = frozenset(
    [
        "name",
        "title",
        "text",
        "content",
        "message",
        "note",
        "description",
        "comment",
        "query",
        "url",
        "image",
        "photo",
        "word",
    ]
)
_MAX_CODE_CHARS = 64
_MANY_GROUPS = 50
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
        found |= _find_label([facts[name] for name in facts if name not in found])
    open_columns = {name: _content(facts[name]) for name in facts if name not in found}
    if Modality.ID not in roles:
        open_columns |= _find_id([facts[name] for name in open_columns], open_columns)
    schema = Schema(tuple((found | open_columns)[name] for name in frame.columns))
    _check_ids(schema, facts)
    _check_learnable(schema)
    return schema


def _find_label(candidates: list[Facts]) -> dict[str, Column]:
    """The column with the strongest label name whose values can be classes, if any."""
    exact = [(name, facts) for name in LABEL_NAMES for facts in candidates if facts.words == [name]]
    ending = [
        (name, facts) for name in LABEL_NAMES for facts in candidates if facts.words[-1:] == [name] and name != "y"
    ]
    chosen = next((facts for _, facts in [*exact, *ending] if _can_be_label(facts, least=2)), None)
    if chosen is None:
        # an empty or single-valued label column still is one, so that the error can say what it lacks
        chosen = next((facts for name, facts in exact if name != "y" and _can_be_label(facts, least=0)), None)
    if chosen is None:
        return {}
    reason = f"by its name only; {chosen.n_distinct:,} classes on {len(chosen.values):,} of {chosen.n_rows:,} rows"
    return {chosen.name: Column(chosen.name, Modality.LABEL, reason)}


def _can_be_label(facts: Facts, least: int) -> bool:
    if facts.is_number and not (facts.is_whole and facts.n_distinct <= max(20, facts.n_rows / 5)):
        return False
    return least <= facts.n_distinct <= max(2, facts.n_rows / 2) and facts.n_words <= 8


def _find_id(candidates: list[Facts], contents: Mapping[str, Column]) -> dict[str, Column]:
    """The column that names the rows, if any, and the further id-like columns, which are ignored."""
    named = [facts for facts in candidates if _is_id_name(facts)]
    unique = [facts for facts in named if facts.is_unique and (facts.is_whole or _is_code(facts))]
    chosen = min(unique, key=_id_rank, default=None)
    reason = "unique {values}, named '{name}'"
    if chosen is None and not any(facts.words == ["id"] for facts in candidates):
        chosen = _unnamed_id(candidates, contents)
        reason = "the first column of unique {values}"
    found = {facts.name: Column(facts.name, Modality.IGNORED, "a second identifier") for facts in unique}
    found |= {
        facts.name: Column(facts.name, Modality.IGNORED, "counts the rows")
        for facts in candidates
        if facts.is_counter and facts is not chosen
    }
    groups = [facts for facts in named if facts.words[-1] in _GROUP_WORDS and not facts.is_unique]
    found |= {
        facts.name: Column(facts.name, Modality.IGNORED, _group_reason(facts))
        for facts in groups
        if facts.n_distinct > max(_MANY_GROUPS, facts.n_rows / 20) and (facts.is_whole or _is_code(facts))
    }
    exact = next((facts for facts in candidates if facts.words == ["id"]), None)
    if chosen is None and exact is not None and exact.n_distinct > 1:
        # repeated values are an error then: _check_ids names them
        chosen, reason = exact, "named '{name}'"
    if chosen is not None:
        values = "whole numbers" if chosen.is_whole else "short codes"
        text = reason.format(values=values, name=chosen.name)
        found[chosen.name] = Column(chosen.name, Modality.ID, text)
    return found


def _is_id_name(facts: Facts) -> bool:
    return bool(facts.words) and (
        facts.words[-1] in ID_NAMES or facts.words[-1] in _GROUP_WORDS or "unnamed" in facts.words
    )


def _id_rank(facts: Facts) -> tuple[int, int]:
    """Low first: a name that is nothing but id beats "row_id", which beats a key or a code."""
    last = facts.words[-1] if facts.words[-1] in ID_NAMES else "unnamed"
    return (0 if facts.words == ["id"] else 1), ID_NAMES.index(last)


def _is_code(facts: Facts) -> bool:
    if not facts.is_text:
        return False
    short = [len(text) <= _MAX_CODE_CHARS and len(text.split()) <= 2 for text in facts.sample]
    return sum(short) >= 0.95 * len(short)


def _unnamed_id(candidates: list[Facts], contents: Mapping[str, Column]) -> Facts | None:
    learnable = [name for name, column in contents.items() if column.modality != Modality.IGNORED]
    for place, facts in enumerate(candidates):
        column = contents[facts.name]
        if not facts.is_unique or column.modality == Modality.IMAGE or _CONTENT_NAMES & set(facts.words):
            continue
        if facts.is_counter or (_is_code(facts) and (place == 0 or facts.share("code") >= 0.9)):
            # the only thing there is to learn from is no identifier
            return facts if set(learnable) - {facts.name} else None
    return None


def _group_reason(facts: Facts) -> str:
    return (
        f"identifies a group: {facts.n_distinct:,} distinct values on {len(facts.values):,} rows; "
        "would leak the label from row to row"
    )


def _content(facts: Facts) -> Column:
    modality, reason = kind_of(facts)
    return Column(facts.name, Modality(modality), reason)


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


def _check_learnable(schema: Schema) -> None:
    if schema.named(Modality.TEXT, Modality.IMAGE, *TABULAR):
        return
    seen = "; ".join(f"'{column.name}': {column.modality}, {column.reason}" for column in schema.columns) or "no column"
    raise SchemaError(
        f"no column is left to learn from; at least one text, image or table column is needed, got {seen}. "
        "Add such a column, or mark one of these with the modality it has."
    )


def _quoted(names: Iterable[object]) -> str:
    return ", ".join(f"'{name}'" for name in names)
