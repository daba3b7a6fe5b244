"""Benchmark results as JSON lines: what was measured, each draw of it, and on what."""

import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from metafuse.evaluation import mean_interval

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("torch", "transformers", "sentence-transformers", "scikit-learn", "faiss-cpu", "numpy", "pandas")


def append_record(
    path: Path,
    setting: Mapping[str, str | int],
    draws: Sequence[Mapping[str, float]],
    *,
    command: str,
    first_seed: int = 0,
) -> dict[str, Any]:
    """Add one setting to a results file.

    Args:
        path: File of JSON lines.
        setting: What was measured: name -> value.
        draws: Metric -> value, one mapping per seed.
        command: What reproduces it, with DIR for the folder of the public sets.
        first_seed: Seed of the first draw; the others follow.
    Returns:
        The record as written; each metric with its values, their mean and the half-width of its 95 % interval.
    """
    metrics = {}
    for name in draws[0]:
        values = np.array([draw[name] for draw in draws], dtype=np.float64)
        mean, half_width = mean_interval(values)
        metrics[name] = {
            "values": [_short(value) for value in values],
            "mean": _short(mean),
            "half_width": None if np.isnan(half_width) else _short(half_width),
        }
    record = {
        "setting": dict(setting),
        "metrics": metrics,
        "seeds": list(range(first_seed, first_seed + len(draws))),
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "command": command,
        "environment": describe_environment(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record, ensure_ascii=False) + "\n")
    return record


def read_records(path: Path) -> list[dict[str, Any]]:
    """Read a results file; where a setting was measured again, the last record of it."""
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return list({json.dumps(record["setting"], sort_keys=True): record for record in records}.values())


def describe_environment() -> dict[str, Any]:
    """Versions, commit and hardware a result was measured with."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "commit": _commit(),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
        "cpu": _cpu_model(),
        "cores": cores,
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name(0) if torch.cuda.is_available() else None,
    }


def _short(value: float) -> float:
    return float(f"{value:.8g}")


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def _cpu_model() -> str:
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text(encoding="utf-8").splitlines() if listing.is_file() else []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor()
