import datetime
import io

import pandas as pd
import pytest
from PIL import Image

from metafuse.modality_rules import Facts, kind_of

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
        ("ignored", "web addresses", ["https://a.org/x.png", "http://b.org"]),
        ("ignored", "audio comes later", ["a.wav", "b.mp3"]),
        ("ignored", "video comes later", ["a.mp4", "b.mov"]),
        ("ignored", "audio comes later", [{"array": [0.1], "sampling_rate": 8000, "path": "a"}] * 2),
        ("ignored", "file paths", ["/srv/a.pdf", "docs/b.doc"]),
        ("ignored", "hashes", ["d41d8cd98f00b204e9800998ecf8427e", "0cc175b9c0f1b6a831c399e269772661"]),
        ("ignored", "nested JSON", ['{"a": 1}', "[1, 2]"]),
        ("ignored", "holds list", [[1, 2], [3]]),
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
