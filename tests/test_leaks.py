from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from metafuse.leaks import Leak, Severity, find_leaks
from metafuse.schema import Column, Modality, Schema, infer_schema
from metafuse.sources.media import Media

DATA = Path(__file__).parents[2] / "shared" / "data"


def _leaks(labels: list[str | None], modality: Modality = Modality.CATEGORICAL, **columns) -> dict[str, Leak]:
    schema = Schema(tuple(Column(name, modality, "") for name in columns))
    found = find_leaks(pd.DataFrame(columns), schema, pd.Series(labels, dtype=object))
    return {leak.column: leak for leak in found}


LABELS = [name for name in ("ape", "bee", "cat", "dog", "eel", "fox") for _ in range(5)]
CODES = [f"c{row // 5}" for row in range(30)]


@pytest.mark.parametrize("modality", [Modality.CATEGORICAL, Modality.TEXT, Modality.NUMERIC])
def test_copy_of_the_label_is_a_leak_whatever_its_modality(modality):
    leak = _leaks(LABELS, modality, code=CODES)["code"]
    assert leak.severity == Severity.LEAK
    # 30 rows less the first of each of 6 values
    assert "6 values, 6 labels, 24 of the 24 rows that could contradict it agree" in leak.evidence


def test_only_labelled_rows_count():
    labels = [*LABELS, *[None] * 30]
    assert _leaks(labels, code=[*CODES, *CODES[::-1]])["code"].severity == Severity.LEAK


def test_copy_on_few_rows_is_only_suspicious():
    # 8 rows could contradict; a predictor right on 80 % agrees on all of them 0.8 ** 8 = 17 % of the time
    assert _leaks(["a"] * 5 + ["b"] * 5, code=["x"] * 5 + ["y"] * 5)["code"].severity == Severity.SUSPICIOUS


def test_finer_label_needs_29_rows_without_contradiction():
    labels = [name for name in "abcd" for _ in range(12)]
    fine = [f"{row // 6}" for row in range(48)]
    # 48 rows less 8 values: 40 agree, 0.9 ** 40 = 1.5 %
    assert _leaks(labels, fine=fine)["fine"].severity == Severity.LEAK
    # 24 rows less 8 values: 16 agree, 0.9 ** 16 = 19 %, 0.8 ** 16 = 2.8 %
    assert _leaks(labels[::2], fine=fine[::2])["fine"].severity == Severity.SUSPICIOUS


def test_good_predictors_stay():
    generator = np.random.default_rng(0)
    labels = generator.choice(list("abcd"), 400)
    noisy = np.where(generator.random(400) < 0.95, labels, "z")
    assert _leaks(list(labels), good=list(noisy)) == {}


def test_repeated_texts_and_decisive_numbers_are_no_leaks():
    # finer than the label: what two texts or prices of one class look like
    fine = [f"{row // 3}" for row in range(60)]
    labels = ["a"] * 30 + ["b"] * 30
    assert _leaks(labels, Modality.TEXT, note=fine) == {}
    assert _leaks(labels, Modality.NUMERIC, price=[float(value) for value in fine]) == {}


def test_one_dominant_class_does_not_make_leaks():
    labels = ["ok"] * 999 + ["bad"]
    assert _leaks(labels, shop=[f"{row % 7}" for row in range(1000)]) == {}


def test_values_that_hold_the_label_or_are_part_of_it_are_leaks():
    labels = [f"{who} / {what}" for who in ("Men", "Women") for what in ("Tops", "Hats") for _ in range(6)]
    departments = [label.split(" / ")[0] for label in labels]
    tags = [f"{label};{row % 5}" for row, label in enumerate(labels)]
    found = _leaks(labels, department=departments, tags=tags)
    assert found["department"].severity == Severity.LEAK
    assert "part of the label on 100% of the labelled rows (50% expected by chance)" in found["department"].evidence
    assert "contains the label on 100%" in found["tags"].evidence


def test_texts_that_name_their_class_are_suspicious_and_kept():
    notes = [f"row {row}: this is an {label} I think" for row, label in enumerate(LABELS)]
    leak = _leaks(LABELS, Modality.TEXT, note=notes)["note"]
    assert leak.severity == Severity.SUSPICIOUS
    assert "holds its label's words on 100% of the labelled rows (17% expected by chance)" in leak.evidence


def test_gaps_that_tell_the_class_are_suspicious():
    color = [None if label == "bee" else f"{row % 2}" for row, label in enumerate(LABELS)]
    leak = _leaks(LABELS, color=color)["color"]
    assert leak.severity == Severity.SUSPICIOUS
    assert "missing on all rows of 'bee' and nowhere else" in leak.evidence
    assert _leaks(LABELS, color=[None, *color[1:]]) == {}


def test_chance_at_five_labels_a_class_raises_no_alarm():
    for seed in range(50):
        generator = np.random.default_rng(seed)
        columns = {f"c{n}": list(generator.integers(0, n, 30).astype(str)) for n in (2, 5, 10, 20, 40)}
        assert _leaks(LABELS, **columns) == {}


@pytest.mark.parametrize("modality", [Modality.DOCUMENT, Modality.LOG])
def test_documents_and_logs_are_judged_like_texts(modality):
    assert _leaks(LABELS, modality, body=CODES)["body"].severity == Severity.LEAK
    notes = [f"row {row}: this is an {label} I think" for row, label in enumerate(LABELS)]
    assert _leaks(LABELS, modality, body=notes)["body"].severity == Severity.SUSPICIOUS


def _files(folder: Path, contents: list[bytes]) -> tuple[list[str], Media]:
    """Write one file a row into a folder named after the row's label, which only its path gives away."""
    names = [f"{label}/{row}.jpg" for row, label in enumerate(LABELS)]
    for name, content in zip(names, contents, strict=True):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    return names, Media(folder)


@pytest.mark.parametrize("modality", [Modality.IMAGE, Modality.AUDIO, Modality.VIDEO, Modality.PDF])
def test_one_file_content_a_class_is_a_leak_and_one_folder_a_class_is_none(tmp_path, modality):
    schema = Schema((Column("file", modality, ""),))
    names, media = _files(tmp_path, [label.encode() for label in LABELS])
    found = find_leaks(pd.DataFrame({"file": names}), schema, pd.Series(LABELS), media)
    assert [leak.severity for leak in found] == [Severity.LEAK]
    assert "6 values, 6 labels, 24 of the 24 rows that could contradict it agree" in found[0].evidence
    names, media = _files(tmp_path, [str(row).encode() for row in range(30)])
    assert find_leaks(pd.DataFrame({"file": names}), schema, pd.Series(LABELS), media) == ()


def test_missing_files_are_no_evidence(tmp_path):
    names, media = _files(tmp_path, [label.encode() for label in LABELS])
    frame = pd.DataFrame({"file": [name if row % 5 else "gone.jpg" for row, name in enumerate(names)]})
    found = find_leaks(frame, Schema((Column("file", Modality.IMAGE, ""),)), pd.Series(LABELS), media)
    assert "18 of the 18 rows" in found[0].evidence


@pytest.mark.parametrize("modality", [Modality.VECTOR, Modality.SERIES])
def test_lists_that_equal_the_label_are_leaks(modality):
    one_hot = [[float(place == row // 5) for place in range(6)] for row in range(30)]
    assert _leaks(LABELS, modality, code=one_hot)["code"].severity == Severity.LEAK
    as_text = [str(values) for values in one_hot]
    assert _leaks(LABELS, modality, code=as_text)["code"].severity == Severity.LEAK
    noise = np.random.default_rng(0).random((30, 6)).tolist()
    assert _leaks(LABELS, modality, code=noise) == {}


def test_vectors_with_the_label_among_their_numbers_are_suspicious():
    noise = np.random.default_rng(0).random((30, 4))
    vectors = [[*values[:2], float(row // 5), *values[2:]] for row, values in enumerate(noise.tolist())]
    leak = _leaks(LABELS, Modality.VECTOR, emb=vectors)["emb"]
    assert leak.severity == Severity.SUSPICIOUS
    assert leak.evidence.startswith("of its numbers, place 3: values and labels correspond one to one: 6 values")


def test_coordinates_that_stand_for_the_label_are_leaks():
    assert _leaks(LABELS, Modality.GEO, lat=[48.0 + row // 5 for row in range(30)])["lat"].severity == Severity.LEAK
    assert _leaks(LABELS, Modality.GEO, lat=[48.0 + row / 100 for row in range(30)]) == {}


def test_one_class_has_no_leaks():
    assert _leaks(["a"] * 30, code=CODES) == {}


needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the real data sets are not here")


@needs_data
@pytest.mark.parametrize(
    ("file", "label_column", "expected"),
    [
        ("luma_catalog/items.csv", "category", ["department", "product_type"]),
        ("appimage_catalog/items.csv", "category", ["all_categories"]),
        ("emoji_catalog/items.csv", "group", ["subgroup"]),
        ("loghub/OpenSSH/OpenSSH_2k.log_structured.csv", "EventId", ["EventTemplate"]),
        ("loghub/HDFS/HDFS_2k.log_structured.csv", "EventId", ["EventTemplate"]),
        ("banking77/train.csv", "category", []),
        ("tabllm/diabetes/diabetes.csv", "Outcome", []),
    ],
)
def test_leaks_of_real_sets(file, label_column, expected):
    frame = pd.read_csv(DATA / file)
    found = find_leaks(frame, infer_schema(frame, label_column=label_column), frame[label_column])
    assert [leak.column for leak in found if leak.severity == Severity.LEAK] == expected
