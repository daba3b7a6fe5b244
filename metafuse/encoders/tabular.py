"""The tabular columns of a source as one block of features, fitted on its rows and kept as plain numbers.

Numbers are centred on the median, scaled by the quartiles and squashed softly (skrub's SquashingScaler);
categories are one feature each, rare ones sharing one; lists such as "Cool|Indoor|Spring" have one feature
per part; dates are a squashed time line plus the hour, weekday and month as points on a circle. Every
column of the source is centred, and its total variance is bounded so that none dominates.

A missing cell adds nothing, and there is no column that says it was missing: in many sources the gaps
follow from the label, and a model that reads them fails on the next source.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from metafuse.encoders.table_columns import CategoricalColumn, DatetimeColumn, NumericColumn, TableColumn
from metafuse.errors import ArtifactError
from metafuse.schema import TABULAR, Column, Modality

VERSION = 2

_KINDS: Mapping[Modality, type[NumericColumn] | type[CategoricalColumn] | type[DatetimeColumn]] = {
    Modality.NUMERIC: NumericColumn,
    Modality.CATEGORICAL: CategoricalColumn,
    Modality.DATETIME: DatetimeColumn,
}


@dataclass(frozen=True)
class EncodedTable:
    """Features of the tabular columns of some rows.

    Args:
        matrix: One row per item; zero where it has none of the columns.
        present: Which items have at least one of the columns.
        unreadable: Column -> number of cells that hold something, but no number or date; counted as missing.
    """

    matrix: Float[np.ndarray, "n_items dim"]
    present: Bool[np.ndarray, " n_items"]
    unreadable: Mapping[str, int]


@dataclass(frozen=True)
class TabularEncoder:
    """Encodes the numeric, categorical and datetime columns of one source together.

    Args:
        columns: Encoder of each column that varies, in the source's order.
    """

    columns: tuple[TableColumn, ...]

    @property
    def dim(self) -> int:
        """Length of a feature row; 0 where no column varies."""
        return sum(column.dim for column in self.columns)

    @property
    def slices(self) -> dict[str, slice]:
        """Column of the source -> its part of a feature row."""
        ends = np.cumsum([column.dim for column in self.columns], dtype=int).tolist()
        return {column.name: slice(end - column.dim, end) for column, end in zip(self.columns, ends, strict=True)}

    @cached_property
    def fingerprint(self) -> str:
        """Changes with anything that changes the features."""
        return f"tabular/{VERSION}:{hashlib.sha256(json.dumps(self.state()).encode()).hexdigest()}"

    def encode(self, frame: pd.DataFrame) -> EncodedTable:
        """Encode rows; a column they lack counts as missing in each.

        A category that the fitted rows did not have adds nothing, like a missing cell.
        """
        matrix = np.zeros((len(frame), self.dim), dtype=np.float32)
        present = np.zeros(len(frame), dtype=bool)
        unreadable: dict[str, int] = {}
        share = 1 / np.sqrt(max(1, len(self.columns)))  # keeps rows of wide tables about as long as others
        for column in self.columns:
            if column.name not in frame.columns:
                continue
            values, has_value, n_unreadable = column.encode(frame[column.name].reset_index(drop=True))
            matrix[:, self.slices[column.name]] = values * share
            present |= has_value
            if n_unreadable:
                unreadable[column.name] = n_unreadable
        return EncodedTable(matrix, present, unreadable)

    def state(self) -> dict[str, object]:
        """Everything fitted, as values that JSON keeps exactly."""
        kinds = {cls: modality.value for modality, cls in _KINDS.items()}
        return {
            "version": VERSION,
            "columns": [{"kind": kinds[type(column)], **asdict(column)} for column in self.columns],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, object]) -> "TabularEncoder":
        """Rebuild an encoder; it gives the same features bit for bit.

        Raises:
            ArtifactError: the state is damaged or of another version.
        """
        if state.get("version") != VERSION:
            raise ArtifactError(
                f"tabular encoder: expected state of version {VERSION}, got {state.get('version')!r}. "
                "Adapt to the source again with this version of metafuse."
            )
        try:
            return cls(tuple(_rebuild(column) for column in state["columns"]))  # type: ignore[attr-defined]
        except (KeyError, TypeError, ValueError) as err:
            raise ArtifactError(f"tabular encoder: its saved state is damaged ({err}). Adapt again.") from err


def fit_tabular(frame: pd.DataFrame, columns: Sequence[Column]) -> TabularEncoder:
    """Fit the encoder on all rows of a source; labels play no part.

    Args:
        frame: The rows.
        columns: The source's schema; columns of other modalities are passed over, and so are those
            that hold one value only.
    """
    fitted = [
        _KINDS[column.modality].fit(column.name, frame[column.name].reset_index(drop=True))
        for column in columns
        if column.modality in TABULAR
    ]
    return TabularEncoder(tuple(column for column in fitted if column is not None))


def _rebuild(column: Mapping[str, object]) -> TableColumn:
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in column.items() if key != "kind"}
    return _KINDS[Modality(str(column["kind"]))](**fields)  # type: ignore[arg-type]
