import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from metafuse.errors import ShapeError
from metafuse.report.base import (
    AnomalySummary,
    ClassAccuracy,
    ClusterSummary,
    ColumnFinding,
    Confusion,
    Counts,
    Estimate,
    Finding,
    ModalityContribution,
    QuarantinedRow,
    ReportData,
    ReportRow,
    Setup,
    Suggestion,
)
from metafuse.report.page import PHOTO_BUDGET_BYTES, SECTIONS, fit_photos, labels_csv, render_report, write_report
from metafuse.report.photos import thumbnail

ATTACK = "</script><script>alert(1)</script><img src=x onerror=alert(2)> \" ' & <b>"
SETUP = Setup({"note": "toy"}, "early", "prototypical", 0, "cpu", {"metafuse": "0.1.0"}, {"read": 0.5, "adapt": 61.0})
MINIMAL = ReportData("toy", Counts(0, 0), SETUP)


class Elements(HTMLParser):
    """Counts the elements a browser would make, and keeps their ids and addresses."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.handlers: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
            if name in {"src", "href", "srcset", "action", "data"}:
                self.addresses.append(value)
            if name.startswith("on"):
                self.handlers.append(name)


def points(n_rows: int, text: str = "a note") -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "x": rng.normal(size=n_rows),
            "y": rng.normal(size=n_rows),
            "id": [f"r{row}" for row in range(n_rows)],
            "text": text,
            "label": [f"class {row % 3}" for row in range(n_rows)],
            "is_labelled": np.arange(n_rows) % 10 == 0,
            "probability": rng.random(n_rows),
            "is_unknown": np.arange(n_rows) % 17 == 0,
            "cluster": np.arange(n_rows) % 2,
            "anomaly_score": rng.random(n_rows),
        }
    )


def full(text: str = "a note", n_rows: int = 40) -> ReportData:
    photo = thumbnail(Image.new("RGB", (300, 200), "teal"))
    row = ReportRow("r1", text, text, 0.25)
    return ReportData(
        source=text,
        counts=Counts(n_rows, 4, 60),
        setup=SETUP,
        points=points(n_rows, text).assign(label=text),
        projection="PCA",
        accuracy=Estimate(0.75, 0.5, 0.9),
        baseline=Estimate(0.5),
        classes=(ClassAccuracy(text, 4, 3, 0.3, 0.95), ClassAccuracy("empty", 0, 0)),
        confusions=(Confusion(text, text, 2),),
        modalities=(ModalityContribution(text, Estimate(0.5, 0.2, 0.8), None, 1.0),),
        clusters=(ClusterSummary(0, text, 20, True, (text,), (row,)), ClusterSummary(1, text, 20)),
        anomalies=(AnomalySummary(row, 3.5, text, (row,)),),
        suggestions=(Suggestion(row, text),),
        columns=(ColumnFinding(text, "text", text, 4, 30, None),),
        findings=(Finding(text, text, (text,)),),
        quarantine=tuple(QuarantinedRow(f"q{row}", text, text) for row in range(60)),
        photos={"r1": photo, "r2": photo},
    )


@pytest.mark.parametrize("data", [MINIMAL, full()], ids=["minimal", "full"])
def test_page_has_every_section_once(data):
    ids = Elements(render_report(data)).ids
    assert len(ids) == len(set(ids))
    assert [one for one in ids if one in SECTIONS] == list(SECTIONS)


def test_minimal_page_says_what_is_missing_in_each_section():
    page = render_report(MINIMAL)
    assert page.count('class="empty"') == 7
    assert "0 rows, no labels." in page


@pytest.mark.parametrize("data", [MINIMAL, full()], ids=["minimal", "full"])
def test_page_refers_to_nothing_outside_itself(data):
    page = render_report(data)
    addresses = Elements(page).addresses
    assert addresses
    assert all(one.startswith(("#", "data:image/")) for one in addresses)
    assert not re.search(r"url\(|@import|https?://", page)
    assert "default-src 'none'" in page


def test_text_from_rows_never_becomes_markup():
    calm, attacked = Elements(render_report(full("calm"))), Elements(render_report(full(ATTACK)))
    assert calm.tags == attacked.tags
    assert not attacked.handlers


def test_same_data_give_the_same_bytes(tmp_path: Path):
    write_report(full(), tmp_path / "a.html")
    write_report(full(), tmp_path / "b.html")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_headline_says_the_result_in_words():
    page = render_report(replace(full(), classes=(ClassAccuracy("a", 4, 3),)))
    headline = re.search(r'<p class="headline">(.*?)</p>', page)
    assert headline
    expected = "40 rows, 4 labels in 1 class, leave-one-out accuracy 75 % (50-90), 1 new group, 1 row worth a look."
    assert headline[1].replace("\u202f", " ").replace("\u2013", "-") == expected


def test_large_sources_stay_small_and_say_so():
    photo = thumbnail(Image.effect_noise((128, 128), 90))
    data = replace(
        full(n_rows=10_000),
        points=points(10_000, "long text " * 500),
        photos={f"r{row}": photo for row in range(10_000)},
    )
    page = render_report(data)
    assert len(page.encode()) < 5_000_000
    assert "Shown: 5,000 of 10,000 rows" in page
    assert "of the map come without a photo" in page


def test_first_fifty_quarantined_rows_are_shown():
    page = render_report(full())
    assert "Set aside: 60 rows" in page
    assert "The first 50 are shown" in page
    assert ">q49<" in page
    assert ">q50<" not in page


def test_page_survives_texts_of_any_script():
    greeting = "\u0645\u0631\u062d\u0628\u0627 \U0001f469\u200d\U0001f52c"
    row = ReportRow("r1", f"\u202e{greeting} \ud800 \x00")
    assert greeting in render_report(replace(full(), suggestions=(Suggestion(row),)))


def test_page_takes_150_classes():
    classes = tuple(ClassAccuracy(f"class {index:03}", 5, index % 6) for index in range(150))
    page = render_report(replace(full(), classes=classes))
    assert "The other 135 classes" in page
    assert page.index("class 000") < page.index("class 005")


def test_map_without_coordinates_is_refused():
    with pytest.raises(ShapeError, match=r"needs the columns x, y, id, got none called y"):
        render_report(replace(full(), points=points(5).drop(columns="y")))


def test_map_needs_no_more_than_coordinates():
    page = render_report(replace(full(), points=points(5)[["x", "y", "id"]]))
    assert 'id="plane"' in page


def test_photos_of_lists_come_first():
    half = "data:image/jpeg;base64," + "A" * (PHOTO_BUDGET_BYTES // 2)
    photos = {"listed": half, "point": half, "other": "data:image/jpeg;base64,AA"}
    taken, n_without = fit_photos(photos, ["listed"], ["point", "other", "listed"])
    assert list(taken) == ["listed", "other"]
    assert n_without == 1


def test_photo_that_is_no_image_is_left_out():
    assert fit_photos({"a": "https://example.org/x.png"}, ["a"], []) == ({}, 0)


def test_labels_file_quotes_ids():
    rows = (Suggestion(ReportRow('a,"b"', "", "x", 0.5)), Suggestion(ReportRow("c", "")))
    assert labels_csv(rows) == 'id,label\n"a,""b""",x\nc,\n'
