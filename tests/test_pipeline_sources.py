"""Every kind of source goes through adapt and gives the same run."""

import shutil
import sqlite3
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image

import metafuse

REASONS = ("late", "power", "size")
COLOURS = {"power": (200, 40, 40), "late": (40, 200, 40), "size": (40, 40, 200)}


def truth(n_rows: int) -> list[str]:
    return [("power", "late", "size")[row % 3] for row in range(n_rows)]


def save_photos(frame: pd.DataFrame, photo, folder: Path) -> pd.DataFrame:
    (folder / "photos").mkdir(parents=True)
    names = [f"photos/{row_id}.png" for row_id in frame["ticket_id"]]
    for row, (name, reason) in enumerate(zip(names, truth(len(frame)), strict=True)):
        photo(COLOURS[reason], row).save(folder / name)
    return frame.assign(photo=names)


def write_source(kind: str, frame: pd.DataFrame, folder: Path) -> object:
    if kind == "sqlite":
        pytest.importorskip("sqlalchemy")
        connection = sqlite3.connect(folder / "tickets.db")
        frame.to_sql("tickets", connection, index=False)
        connection.close()
        return f"sqlite:///{folder / 'tickets.db'}#tickets"
    write = {
        "csv": lambda path: frame.to_csv(path, index=False),
        "tsv": lambda path: frame.to_csv(path, index=False, sep="\t"),
        "jsonl": lambda path: frame.to_json(path, orient="records", lines=True),
        "parquet": frame.to_parquet,
        "xlsx": lambda path: frame.to_excel(path, index=False),
    }
    hand_over = {
        "polars": lambda: pytest.importorskip("polars").from_pandas(frame),
        "arrow": lambda: pa.Table.from_pandas(frame),
        "datasets": lambda: pytest.importorskip("datasets").Dataset.from_pandas(frame),
        "rows": lambda: frame.astype(object).where(frame.notna(), None).to_dict("records"),
        "concatenated": lambda: pd.concat([frame.head(20), frame.tail(len(frame) - 20)]),
    }
    if kind in hand_over:
        return hand_over[kind]()
    if kind == "xlsx":
        pytest.importorskip("openpyxl")
    write[kind](folder / f"tickets.{kind}")
    return folder / f"tickets.{kind}"


KINDS = (
    "csv", "tsv", "jsonl", "parquet", "xlsx", "sqlite", "polars", "arrow", "datasets", "rows", "concatenated",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_gives_the_same_run_whatever_it_is_stored_in(kind, tickets, tmp_path, tiny_default):
    frame = tickets()
    expected = metafuse.adapt(frame, learner="prototypical")
    run = metafuse.adapt(write_source(kind, frame, tmp_path), learner="prototypical")
    assert run.classes == REASONS
    assert run.predictions["id"].tolist() == frame["ticket_id"].tolist()
    pd.testing.assert_frame_equal(
        run.predictions, expected.predictions, check_dtype=False, check_index_type=False, atol=1e-5
    )


@pytest.mark.parametrize("zipped", [False, True])
def test_table_and_photos_of_a_folder_or_zip_are_both_used(zipped, tickets, photo, tmp_path, tiny_default):
    folder = tmp_path / "dept"
    save_photos(tickets(), photo, folder).to_csv(folder / "items.csv", index=False)
    source = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", folder)) if zipped else folder
    run = metafuse.adapt(source, learner="prototypical", out=tmp_path / "run")
    assert set(run.state.features.modalities) == {"note", "photo", "table"}
    assert run.metrics["leave_one_out"]["accuracy"] == 1.0
    assert run.predictions["label"].tolist() == truth(45)


def test_class_folders_of_images_need_no_text_model(photo, tmp_path):
    for reason, colour in COLOURS.items():
        (tmp_path / "photos" / reason).mkdir(parents=True)
        for seed in range(6):
            photo(colour, seed).save(tmp_path / "photos" / reason / f"{seed}.png")
    run = metafuse.adapt(tmp_path / "photos", learner="prototypical")
    assert run.classes == REASONS
    assert "text" not in run.state.spec.models
    assert run.metrics["leave_one_out"]["accuracy"] == 1.0
    query = tmp_path / "query.png"
    photo(COLOURS["late"], 99).save(query)
    assert run.retrieve(query, k=5)["label"].tolist() == ["late"] * 5
    assert run.retrieve(str(query), k=5).equals(run.retrieve(query, k=5))
    assert run.predict({"image": Image.open(query)})["label"].tolist() == ["late"]


def test_class_folders_of_texts_are_labelled_by_folder(tickets, tmp_path, tiny_default):
    for row, note in enumerate(tickets(18)["note"]):
        (tmp_path / "texts" / truth(18)[row]).mkdir(parents=True, exist_ok=True)
        (tmp_path / "texts" / truth(18)[row] / f"{row}.txt").write_text(note)
    run = metafuse.adapt(tmp_path / "texts", learner="prototypical")
    assert run.summary()["labelled"] == "18 in 3 classes"
    assert run.classes == REASONS
