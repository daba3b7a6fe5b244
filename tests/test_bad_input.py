"""What users get wrong: each is told by name, with what was expected, what came and what to do."""

import io
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

import metafuse
from metafuse.errors import AdaptationError, ConfigError, SchemaError, SourceError

COMMAND = [sys.executable, "-m", "metafuse"]


def write_task(folder: Path, frame: pd.DataFrame, model: Path, more: str = "") -> Path:
    frame.to_csv(folder / "tickets.csv", index=False)
    task = folder / "dept.toml"
    task.write_text(
        f"name = 'dept'\n[source]\npath = 'tickets.csv'\n[adapt]\nlearner = 'prototypical'\n"
        f"text_model = '{model}'\n{more}",
        encoding="utf-8",
    )
    return task


def test_an_unknown_source_lists_the_known_ones():
    with pytest.raises(SourceError, match=r"no source 'nope': expected .* \(.*new_dept.*\)\. Check the spelling"):
        metafuse.adapt("nope")


@pytest.mark.parametrize("source", ["", "  "])
def test_an_empty_name_is_no_source(source):
    with pytest.raises(SourceError, match=r"got an empty name\. Use '\.' for the folder you are in"):
        metafuse.adapt(source)


@pytest.mark.parametrize("source", [None, 5, ["words"], []])
def test_objects_that_hold_no_rows_are_no_source(source):
    with pytest.raises(SourceError, match=r"a source should be an existing file .* Pass one of these"):
        metafuse.adapt(source)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "json", "parquet", "xlsx", "zip"])
def test_an_empty_file_is_told(suffix, tmp_path):
    (tmp_path / f"empty.{suffix}").write_bytes(b"")
    with pytest.raises(SourceError, match=rf"empty.{suffix}' (has no rows: the file is empty|should be an? )"):
        metafuse.adapt(tmp_path / f"empty.{suffix}")


def test_duplicate_ids_are_named(tickets, tiny_text_model, tmp_path):
    frame = tickets().assign(ticket_id=["T-1", "T-1", *tickets()["ticket_id"][2:]])
    task = write_task(tmp_path, frame, tiny_text_model, "[columns]\nticket_id = 'id'\n")
    with pytest.raises(SchemaError, match=r"'ticket_id' must name each row once, got repeated ids \('T-1'; 1 in all\)"):
        metafuse.adapt(task)


def test_mixed_types_in_a_column_are_read_as_text_and_told_by_inspect(tickets, tmp_path, tiny_default):
    frame = tickets()
    mixed = frame["weight_kg"].astype(object).where(frame.index % 9 > 0, "heavy")
    run = metafuse.adapt(frame.assign(weight_kg=mixed), learner="prototypical", out=tmp_path / "run")
    assert len(run.predictions) == 45
    found = {each["column"]: each["why"] for each in metafuse.inspect(frame.assign(weight_kg=mixed))["columns"]}
    assert "mixed: about 40 numbers and 5 words" in found["weight_kg"]


def test_a_wrong_encoding_is_told_and_a_task_file_sets_the_right_one(tickets, tiny_text_model, tmp_path):
    frame = tickets()
    frame["note"] = frame["note"] + " défaut"
    task = write_task(tmp_path, frame, tiny_text_model)
    frame.to_csv(tmp_path / "tickets.csv", index=False, encoding="latin-1")
    with pytest.raises(
        SourceError, match=r"tickets.csv' should be UTF-8 text, .* Set encoding = \"latin-1\" in a task"
    ):
        metafuse.adapt(tmp_path / "tickets.csv")
    task.write_text(task.read_text().replace("[source]", "[source]\nencoding = 'latin-1'"))
    assert metafuse.adapt(task).texts[0].endswith("défaut")


def test_ragged_lines_are_quarantined_and_counted(tickets, tmp_path, tiny_default):
    path = tmp_path / "ragged.csv"
    tickets().to_csv(path, index=False)
    path.write_text(path.read_text() + "T-900,too,many,cells,in,this,line\nT-901\n")
    run = metafuse.adapt(path, learner="prototypical")
    assert run.summary()["rows"] == 45
    assert run.summary()["quarantined"] == "2 (2 rows)"
    assert all("line" in bad.row_id and bad.reason for bad in run.state.quarantine)


@pytest.fixture
def catalogue(tickets, photo, tmp_path) -> Path:
    folder = tmp_path / "catalogue"
    (folder / "photos").mkdir(parents=True)
    frame = tickets().drop(columns=["note", "weight_kg"])
    frame["photo"] = [f"photos/{row}.png" for row in range(45)]
    for row in range(45):
        photo([(200, 40, 40), (40, 200, 40), (40, 40, 200)][row % 3], row).save(folder / "photos" / f"{row}.png")
    frame.to_csv(folder / "items.csv", index=False)
    return folder


def pixel_bomb() -> bytes:
    import struct
    import zlib

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )


def test_broken_huge_missing_and_outside_images_are_quarantined_with_their_reason(catalogue, tmp_path):
    (catalogue / "photos" / "20.png").write_bytes(b"no image")
    (catalogue / "photos" / "21.png").write_bytes(pixel_bomb())
    (catalogue / "photos" / "22.png").unlink()
    Image.new("RGB", (8, 8)).save(tmp_path / "outside.png")
    table = (catalogue / "items.csv").read_text()
    (catalogue / "items.csv").write_text(table.replace("photos/23.png", "../outside.png"))
    run = metafuse.adapt(catalogue, learner="prototypical", out=tmp_path / "run")
    reasons = {bad.row_id: (bad.column, bad.reason) for bad in run.state.quarantine}
    assert set(reasons) == {"T-020", "T-021", "T-022", "T-023"}
    assert all(column == "photo" for column, _ in reasons.values())
    assert "50,000 x 50,000 pixels, more than the limit" in reasons["T-021"][1]
    assert "leaves the source's folder" in reasons["T-023"][1]
    assert run.summary()["quarantined"] == "4 (4 cells of 'photo')"
    assert len(pd.read_csv(tmp_path / "run" / "quarantine.csv")) == 4
    assert len(run.predictions) == 45


def test_an_image_to_search_by_that_is_broken_is_told(catalogue, tmp_path):
    run = metafuse.adapt(catalogue, learner="prototypical")
    (tmp_path / "query.png").write_bytes(b"no image")
    with pytest.raises(SchemaError, match=r"the image to search for .* Choose another one"):
        run.retrieve(tmp_path / "query.png")


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_database_that_is_down_is_told_without_the_password():
    pytest.importorskip("psycopg")
    url = f"postgresql://bob:s3cr3t-word@127.0.0.1:{closed_port()}/shop#tickets"
    with pytest.raises(SourceError) as caught:
        metafuse.adapt(url)
    assert "s3cr3t-word" not in str(caught.value)
    done = subprocess.run([*COMMAND, "adapt", "--source", url], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and "Traceback" not in done.stderr
    assert "s3cr3t-word" not in done.stderr + done.stdout


def test_an_address_with_an_unset_variable_names_it(monkeypatch):
    monkeypatch.delenv("SHOP_PASSWORD", raising=False)
    with pytest.raises(
        ConfigError, match="the environment variable SHOP_PASSWORD, named in the source's address, is not"
    ):
        metafuse.adapt("postgresql://bob:${SHOP_PASSWORD}@127.0.0.1/shop#tickets")


@pytest.mark.parametrize("kind", ["text_model", "image_model"])
def test_a_model_folder_without_weights_or_with_pickled_ones_is_refused(
    kind, catalogue, tickets, tiny_text_model, tmp_path
):
    bare = Path(shutil.copytree(tiny_text_model, tmp_path / "bare"))
    for weights in bare.rglob("*.safetensors"):
        weights.unlink()
    if kind == "text_model":
        task = write_task(tmp_path, tickets(), bare)
    else:
        task = tmp_path / "photos.toml"
        task.write_text(f"name = 'photos'\n[source]\npath = 'catalogue'\n[adapt]\nimage_model = '{bare}'\n")
    command = [*COMMAND, "adapt", "--source", str(task), "--out", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "expected weights (model.safetensors), got" in done.stderr and "Copy the weights there" in done.stderr
    (bare / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and "Traceback" not in done.stderr
    assert "pytorch_model.bin, which is pickled and could run code when read" in done.stderr


def test_an_unknown_key_of_a_task_file_is_named_with_the_known_ones(tickets, tiny_text_model, tmp_path):
    task = write_task(tmp_path, tickets(), tiny_text_model, "learning_rate = 3\n")
    with pytest.raises(
        ConfigError, match=r"unknown key 'adapt.learning_rate'\. Known here: .*k_shot, learner.* Remove"
    ):
        metafuse.adapt(task)


def test_bytes_that_are_no_text_do_not_break_a_run(tickets, tmp_path, tiny_default):
    buffer = io.BytesIO()
    tickets().assign(note=lambda frame: frame["note"] + " \x07 \u202e").to_csv(buffer, index=False)
    (tmp_path / "odd.csv").write_bytes(buffer.getvalue())
    run = metafuse.adapt(tmp_path / "odd.csv", learner="prototypical", out=tmp_path / "run")
    assert len(run.predictions) == 45


def test_labels_for_other_rows_are_told_with_examples_of_ids(tickets):
    with pytest.raises(
        AdaptationError, match=r"1 of 3 labels name no row of the source: zzz\. The source's ids look like T"
    ):
        metafuse.adapt(tickets(), {"T-000": "a", "T-001": "b", "zzz": "c"})
