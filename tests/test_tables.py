import numpy as np
import pandas as pd
import pytest

from metafuse.rows import Rows
from metafuse.schema import Column, Modality, Schema
from metafuse.sources.media import Media
from metafuse.tables import MAX_CHARS, row_texts


def texts_of(modalities: dict[str, str], **cells: list) -> list[str]:
    schema = Schema(tuple(Column(name, Modality(modality), "") for name, modality in modalities.items()))
    frame = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in cells.items()})
    return row_texts(Rows(frame.index, frame, (None,) * len(frame), Media()), schema)


def test_written_columns_speak_before_numbers():
    modalities = {"title": "text", "line": "log", "weight": "numeric"}
    assert texts_of(modalities, title=["late", None], line=["exit 3", "exit 4"], weight=[1, 2]) == [
        "late · exit 3",
        "exit 4",
    ]


def test_rows_of_files_are_called_by_their_names():
    assert texts_of({"call": "audio"}, call=["a.wav", b"RIFF"]) == ["a.wav", ""]


@pytest.mark.parametrize("cell", [{"array": np.zeros(3), "sampling_rate": 8000}, np.zeros(3)])
def test_media_in_memory_say_nothing(cell):
    assert texts_of({"call": "audio"}, call=[cell]) == [""]


def test_a_long_document_is_shown_by_its_beginning():
    assert texts_of({"report": "document"}, report=["word " * 10_000])[0] == ("word " * 10_000)[:MAX_CHARS]


def test_series_alone_have_no_words():
    assert texts_of({"wave": "series"}, wave=[[1.0, 2.0]]) == [""]
