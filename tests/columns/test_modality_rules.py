import datetime
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from metafuse.columns.modality_rules import Facts, kind_of

PICTURE = Image.new("RGB", (2, 2))


def _png() -> bytes:
    buffer = io.BytesIO()
    PICTURE.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("modality", "reason", "values"),
    [
        ("ignored", "empty", [None, " ", None]),
        ("ignored", "constant: 'x86_64'", ["x86_64", "x86_64", None]),
        ("ignored", "constant: 'a day a day a day a day a day a day a...'", ["a day\n" * 13] * 3),
        ("ignored", "web addresses", ["https://a.org/x.png", "http://b.org"]),
        ("audio", "values end in .wav", ["a.wav", "b.mp3"]),
        ("video", "values end in .mp4", ["a.mp4", "b.mov"]),
        ("pdf", "values end in .pdf", ["docs/a.pdf", "b.PDF", "missing"]),
        ("audio", "holds sounds", [{"array": [0.1], "sampling_rate": 8000, "path": "a"}] * 2),
        ("audio", "holds sounds", [b"RIFF\x24\x00\x00\x00WAVEfmt ", b"fLaC\x00", None]),
        ("video", "holds videos", [b"\x00\x00\x00\x20ftypisom", {"bytes": None, "path": "a.mkv"}]),
        ("pdf", "holds PDF files", [b"%PDF-1.7", b"%PDF-1.4"]),
        ("series", "24 numbers in every cell; mark it as vector", [list(range(n, n + 24)) for n in range(5)]),
        ("series", "5 to 9 numbers in a cell", [np.arange(n) for n in (5, 7, 9)]),
        ("series", "2 lists of 8 to 9 numbers in a cell", [[[1.5] * n, [2.5] * n] for n in (8, 9)]),
        ("series", "8 numbers in every cell", ["[1, 2, 3, 4, 5, 6, 7, 8]", "[8, 7, 6, 5, 4, 3, 2, null]"]),
        ("series", "8 to 9 numbers in a cell", ["1;2;3;4;5;6;7;8", "1;2;3;4;5;6;7;8;9"]),
        ("vector", "3 numbers in every cell, too few for a course in time", [[1, 2, 3], [4, 5, 6]]),
        ("ignored", "too short for a series and of no fixed length", [[1], [2, 3]]),
        ("ignored", "holds list", [["a", "b"], ["c"]]),
        ("geo", "latitude and longitude in one cell", ["48.1374, 11.5755", "52.5200, 13.4050"]),
        ("vector", "2 numbers in every cell", [(48.1374, 11.5755), (52.5208, 13.4051)]),
        ("text", "2 distinct values", ["0.1234, 0.4321", "-1.2345, 2.3456"]),
        ("text", "2 distinct values", ["3.5, 4.5", "2.5, 1.5"]),
        ("ignored", "file paths", ["/srv/a.odt", "docs/b.doc"]),
        ("ignored", "hashes", ["d41d8cd98f00b204e9800998ecf8427e", "0cc175b9c0f1b6a831c399e269772661"]),
        ("ignored", "nested JSON", ['{"a": 1}', "[1, 2]"]),
        ("ignored", "holds dict", [{"a": 1}, {"a": 2}]),
        ("ignored", "codes that hardly come back", ["R02-M1", "R03-M1", "R04-M1"]),
        ("ignored", "times of day", ["18:01:47,978", "06:55:46,001"]),
        ("image", "values end in .png", ["a.png", "b c.png", None, "gone"] * 2),
        ("image", "holds images", [PICTURE, None, PICTURE]),
        ("image", "holds images", [_png(), b"cut off", _png()]),
        ("image", "holds images", [{"bytes": _png(), "path": None}, {"bytes": None, "path": "a.jpg"}]),
        ("numeric", "3 distinct numbers from 1.5 to 4", [1.5, None, 2.0, 4.0]),
        ("numeric", "written as text in kg", ["1,5 kg", "2 kg", "10 kg"]),
        ("categorical", "two whole numbers", [0, 1, 0, 1]),
        ("categorical", "true or false", [True, None, False]),
        ("categorical", "separated by '|'", ["Cool|Indoor", "Indoor|Spring", "Cool|Spring", "Cool"] * 3),
        ("categorical", "mixed: about 20 numbers and 20 words", [1, "two", 3, "four"] * 10),
        ("datetime", "stored as dates", pd.to_datetime(["2024-01-02", None, "2024-01-03"], utc=True)),
        ("datetime", "holds dates", [datetime.date(2024, 1, 2), datetime.date(2024, 1, 3)]),
        ("datetime", "written as text", ["2024-01-02", "2024-02-03T10:00:00Z", None]),
        ("datetime", "written as text", ["24.12.2024 18:00", "13.02.2024 07:30"]),
        ("text", "3 distinct values", ["It broke.", "Wrong size; too small", "The photo.png was blurred"]),
        ("text", "3 distinct values", ["电池坏了", "屏幕碎了", "无法开机"]),
    ],
)
def test_values_tell_their_modality(modality, reason, values):
    found, why = kind_of(Facts.of("column", pd.Series(values)))
    assert found == modality
    assert reason in why


def test_post_codes_stay_categories():
    facts = Facts.of("zip", pd.Series(["01234", "09999", "04444"] * 5))
    assert kind_of(facts)[0] == "categorical"


def test_arrow_and_nullable_numbers_are_read_like_numpy_ones():
    for dtype in ("int64[pyarrow]", "Int64", "float64"):
        facts = Facts.of("n", pd.Series([1, 2, 3, None], dtype=dtype))
        assert kind_of(facts) == ("numeric", "3 distinct numbers from 1 to 3")
        assert facts.is_whole


def test_arrow_texts_and_lists_are_read_like_python_ones():
    import pyarrow as pa

    texts = pd.Series(["it broke", " ", "too small", None], dtype=pd.ArrowDtype(pa.string()))
    assert kind_of(Facts.of("note", texts)) == ("text", "2 distinct values on 2 rows, 2.0 words on average")
    lists = pd.Series([[1], [2, 3]], dtype=pd.ArrowDtype(pa.list_(pa.int64())))
    assert kind_of(Facts.of("series", lists))[0] == "ignored"


def test_name_tells_vectors_from_series_and_places_from_pairs():
    rows = pd.Series([[float(n), 1.5, *range(10)] for n in range(4)])
    assert kind_of(Facts.of("load", rows))[0] == "series"
    assert kind_of(Facts.of("image_embedding", rows)) == (
        "vector",
        "12 numbers in every cell, and 'embedding' in the name",
    )
    pairs = pd.Series(["48.1, 11.5", "52.5, 13.4"])
    assert kind_of(Facts.of("size", pairs))[0] == "text"
    assert kind_of(Facts.of("shop_location", pairs))[0] == "geo"
    assert kind_of(Facts.of("location", pd.Series([(48.1, 11.5), (52.5, 13.4)])))[0] == "geo"


def test_lines_of_few_templates_are_a_log_and_questions_are_text():
    events = ("took {:.3f} s on 10.0.0.1", "read {:.0f} bytes from /srv/in")
    lines = pd.Series([f"[{n}] job_{n} " + events[n % 2].format(n / 7) for n in range(40)])
    modality, reason = kind_of(Facts.of("message", lines))
    assert (modality, reason) == ("log", "lines of few templates with parameters: 40 distinct values on 40 rows")
    questions = pd.Series(
        [f"why was card {n} charged {'again ' * (n % 7)}at shop {chr(97 + n % 26)}" for n in range(40)]
    )
    assert kind_of(Facts.of("message", questions))[0] == "text"


def test_texts_longer_than_a_models_window_are_documents():
    short, long = "a short note about it", " ".join(f"word{n}" for n in range(300))
    texts = [f"{long if n % 4 == 0 else short} {n}" for n in range(40)]
    modality, reason = kind_of(Facts.of("body", pd.Series(texts)))
    # 10 x 301 and 30 x 6 words
    assert (modality, reason) == ("document", "40 distinct values on 40 rows, 80 words on average, a share of 25% long")
    mostly_short = [f"{long if n % 10 == 0 else short} {n}" for n in range(40)]
    assert kind_of(Facts.of("body", pd.Series(mostly_short)))[0] == "text"
