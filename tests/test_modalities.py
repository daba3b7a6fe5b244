"""One source with every modality, from files to answers."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import metafuse

soundfile = pytest.importorskip("soundfile")
av = pytest.importorskip("av")
pytest.importorskip("aeon")
pytest.importorskip("pypdfium2")

N_ROWS = 24
KINDS = ("low", "high")
LINE = "connection from 10.0.0.{at} port {port} {what} after {at} ms"
MODALITIES = {
    "id": "id", "call": "audio", "film": "video", "paper": "pdf", "wave": "series", "features": "vector",
    "lat": "geo", "lon": "geo", "line": "log", "reason": "label",
}  # fmt: skip


def write_sound(path: Path, hertz: float, rate: int) -> None:
    t = np.arange(rate // 2) / rate
    soundfile.write(path, (0.4 * np.sin(2 * np.pi * hertz * t)).astype(np.float32), rate)


def write_video(path: Path, level: int) -> None:
    with av.open(str(path), "w") as container:
        pictures = container.add_stream("mpeg4", rate=5)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        for at in range(5):
            pixels = np.full((48, 64, 3), level + at, dtype=np.uint8)
            container.mux(pictures.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(pictures.encode(None))


def scan(level: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (60, 90), (level, level, 255 - level)).save(buffer, "PDF")
    return buffer.getvalue()


def row(at: int, folder: Path) -> dict[str, object]:
    """Write a row's files; the sound, the film and the wave of the second class are higher, brighter, faster."""
    which = at % 2
    generator = np.random.default_rng(at)
    write_sound(folder / f"{at}.wav", (300, 900)[which] + 10 * at, rate=(8000, 16000)[at % 3 == 0])
    write_video(folder / f"{at}.mp4", (40, 180)[which] + at)
    (folder / f"{at}.pdf").write_bytes(scan((30, 200)[which] + at))
    steps = np.arange(30 + at)
    wave = np.sin((0.3, 0.9)[which] * steps) + 0.1 * generator.standard_normal(len(steps))
    return {
        "id": f"r{at}",
        "call": f"{at}.wav",
        "film": f"{at}.mp4",
        "paper": f"{at}.pdf",
        "wave": json.dumps(wave.round(4).tolist()),
        "features": json.dumps((generator.standard_normal(6) + 3 * which).round(4).tolist()),
        "lat": round(48 + 2 * which + 0.01 * generator.standard_normal(), 5),
        "lon": round(11 + 0.01 * generator.standard_normal(), 5),
        "line": LINE.format(at=at, port=40_000 + at, what=("accepted", "refused")[which]),
        "reason": KINDS[which] if at < 12 else None,
    }


@pytest.fixture(scope="module")
def task(tmp_path_factory, tiny_text_model) -> Path:
    folder = tmp_path_factory.mktemp("every")
    rows = [row(at, folder) for at in range(N_ROWS)]
    (folder / "20.wav").write_bytes(b"RIFF no sound")
    (folder / "21.mp4").write_bytes(b"")
    rows[22]["wave"] = "[1.0]"
    rows[23]["lat"] = 148.0
    pd.DataFrame(rows).to_csv(folder / "rows.csv", index=False)
    columns = "\n".join(f'{name} = "{modality}"' for name, modality in MODALITIES.items())
    task = folder / "every.toml"
    task.write_text(
        f"name = 'every'\n[source]\npath = 'rows.csv'\n[columns]\n{columns}\n"
        f"[adapt]\ntext_model = '{tiny_text_model}'\n",
        encoding="utf-8",
    )
    return task


@pytest.fixture(scope="module")
def run(task) -> metafuse.Run:
    return metafuse.adapt(task, out=task.parent / "run", cache_dir=task.parent / "cache")


def test_every_modality_is_recognised_without_a_task_file(task, tiny_default):
    found = {column["column"]: column["modality"] for column in metafuse.inspect(task.parent / "rows.csv")["columns"]}
    assert found == MODALITIES


def test_each_column_becomes_its_blocks_of_features(run):
    assert {name: str(kind) for name, kind in run.state.features.modalities.items()} == {
        "call": "audio", "film (frames)": "image", "film (sound)": "audio", "paper (text)": "text",
        "paper (pages)": "image", "wave": "series", "features": "vector", "lat, lon": "geo", "line": "text",
    }  # fmt: skip
    present = run.state.features.present
    assert not present["film (sound)"].any()  # the films are silent, the papers scans
    assert not present["paper (text)"].any()
    assert present["film (frames)"].sum() == N_ROWS - 1


def test_what_cannot_be_used_is_quarantined_with_its_reason(run):
    reasons = {(bad.row_id, bad.column): bad.reason for bad in run.state.quarantine}
    assert set(reasons) == {("r20", "call"), ("r21", "film"), ("r22", "wave"), ("r23", "lat, lon")}
    assert "decode" in reasons["r20", "call"]
    assert "empty" in reasons["r21", "film"]
    assert "one" in reasons["r22", "wave"]
    assert "148" in reasons["r23", "lat, lon"]


def test_the_run_predicts_and_a_loaded_one_the_same(run, task):
    expected = [KINDS[at % 2] for at in range(N_ROWS)]
    found = run.predict(task)
    assert found["label"].tolist() == expected
    loaded = metafuse.load(task.parent / "run", cache_dir=task.parent / "cache")
    pd.testing.assert_frame_equal(loaded.predict(task), found)


def test_a_picture_finds_the_films_that_look_like_it(run, tmp_path):
    Image.new("RGB", (64, 48), (190, 190, 190)).save(tmp_path / "bright.png")
    found = run.retrieve(tmp_path / "bright.png", k=5)
    assert all(int(row_id[1:]) % 2 == 1 for row_id in found["id"])


def test_the_report_plays_and_draws_the_rows(run, task):
    page = (task.parent / "run" / "report.html").read_text(encoding="utf-8")
    for kind in ("audio/mpeg", "image/jpeg"):
        assert f"data:{kind};base64," in page
    assert "Where values are missing" not in page
