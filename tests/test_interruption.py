"""A stop or a full disk in the middle of the work loses nothing that was done."""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import metafuse
from metafuse.encoders.text import TextEncoder
from metafuse.errors import SourceError

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


@pytest.fixture
def counted(monkeypatch) -> list[int]:
    """Number of texts of each call of the text encoder."""
    calls: list[int] = []
    encode = TextEncoder.encode

    def count(self, values, progress=None):
        calls.append(len(values))
        return encode(self, values, progress)

    monkeypatch.setattr(TextEncoder, "encode", count)
    return calls


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError])
def test_a_stop_in_the_middle_of_encoding_keeps_what_was_encoded(
    stop, tickets, tiny_text_model, tmp_path, monkeypatch, counted
):
    task = write_task(tmp_path, tickets(), tiny_text_model)
    monkeypatch.setattr("metafuse.features.CHUNK", 10)
    fsync, left = os.fsync, iter(range(4))

    def fail(handle: int) -> None:
        if next(left, None) is None:
            raise stop(28, "No space left on device")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", fail)
    expected = KeyboardInterrupt if stop is KeyboardInterrupt else SourceError
    message = (
        None if stop is KeyboardInterrupt else r"cannot be written to \(No space left on device\)\. Free some space"
    )
    with pytest.raises(expected, match=message):
        metafuse.adapt(task, cache_dir=tmp_path / "cache", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    monkeypatch.setattr(os, "fsync", fsync)
    counted.clear()
    run = metafuse.adapt(task, cache_dir=tmp_path / "cache")
    assert sum(counted) == 45 - 20 + 3  # two chunks of ten were kept; three class names are texts too
    np.testing.assert_array_equal(run.state.logits, metafuse.adapt(task, cache_dir=tmp_path / "other").state.logits)


def test_a_second_run_encodes_nothing_and_a_new_row_only_itself(tickets, tiny_text_model, tmp_path, counted):
    metafuse.adapt(write_task(tmp_path, tickets(), tiny_text_model), cache_dir=tmp_path / "cache")
    counted.clear()
    metafuse.adapt(write_task(tmp_path, tickets(k_shot=6), tiny_text_model), cache_dir=tmp_path / "cache")
    assert sum(counted) == 0
    more = pd.concat([tickets(), tickets(1).assign(ticket_id="T-new", note="battery cable again")])
    metafuse.adapt(write_task(tmp_path, more, tiny_text_model), cache_dir=tmp_path / "cache")
    assert sum(counted) == 1


def test_a_full_disk_while_saving_is_told_and_the_earlier_run_stays(tickets, tiny_text_model, tmp_path):
    task = write_task(tmp_path, tickets(), tiny_text_model)
    metafuse.adapt(task, out=tmp_path / "run", cache_dir=tmp_path / "cache")
    before = (tmp_path / "run" / "manifest.json").read_bytes()
    command = [*COMMAND, "adapt", "--source", task, "--out", tmp_path / "run", "--cache-dir", tmp_path / "cache"]
    done = subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    assert done.returncode == 1, done.stderr
    assert "cannot be written" in done.stderr and "Traceback" not in done.stderr
    assert (tmp_path / "run" / "manifest.json").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_ctrl_c_ends_the_command_line_with_130_and_a_short_message(tickets, tiny_text_model, tmp_path):
    task = write_task(tmp_path, tickets(30_000), tiny_text_model)
    cache = tmp_path / "cache"
    command = [*COMMAND, "adapt", "--source", str(task), "--out", str(tmp_path / "run"), "--cache-dir", str(cache)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not list(cache.rglob("*.keys")) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stdout == ""
    assert stderr.strip() == "stopped; what was encoded is kept, and the next run goes on from there"
    assert not (tmp_path / "run").exists()
    assert list(cache.rglob("*.keys"))
