"""Which column is what: the modality of each column of a source, and why it was taken for that."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd


class Modality(StrEnum):
    """What the values of a column are."""

    TEXT = "text"
    IMAGE = "image"
    NUMERIC = "numeric"
    CATEGORICAL = "categorical"
    DATETIME = "datetime"
    ID = "id"
    LABEL = "label"
    IGNORED = "ignored"


TABULAR = (Modality.NUMERIC, Modality.CATEGORICAL, Modality.DATETIME)
"""Modalities that are encoded together, as one table."""


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
        label_column: Column that holds the labels, empty where unlabelled.
    Raises:
        SchemaError: an override names no column, two columns are marked as id or label, or no
            column is left to learn from.
    """
    raise NotImplementedError
