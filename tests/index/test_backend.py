import logging
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from metafuse.errors import ConfigError, MissingExtraError
from metafuse.index import backend
from metafuse.index.backend import load_faiss, on_gpu
from metafuse.index.factory import build_index


def test_without_faiss_both_commands_are_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(MissingExtraError, match=r'pip install "metafuse\[cpu\]".*pip install "metafuse\[gpu\]"'):
        load_faiss()


def test_unknown_device_is_refused():
    with pytest.raises(ConfigError, match=r"unknown device 'tpu'\. Known: auto, cpu, cuda"):
        on_gpu("tpu")


def test_cuda_without_a_gpu_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", SimpleNamespace())
    monkeypatch.setattr(backend, "_gpu_is_there", lambda: False)
    with pytest.raises(ConfigError, match="device 'cuda' needs an NVIDIA GPU, found none"):
        on_gpu("cuda")
    assert not on_gpu("auto")


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_a_gpu_that_faiss_cannot_use_is_said(monkeypatch, caplog, device):
    monkeypatch.setitem(sys.modules, "faiss", SimpleNamespace())
    monkeypatch.setattr(backend, "_gpu_is_there", lambda: True)
    with caplog.at_level(logging.WARNING):
        assert not on_gpu(device)
    assert "run on the CPU" in caplog.text


def test_a_gpu_that_faiss_can_use_is_taken_unless_refused(monkeypatch):
    faiss = SimpleNamespace(StandardGpuResources=object, get_num_gpus=lambda: 1)
    monkeypatch.setitem(sys.modules, "faiss", faiss)
    assert on_gpu("auto")
    assert on_gpu("cuda")
    assert not on_gpu("cpu")


@pytest.mark.gpu
def test_index_on_the_gpu_gives_the_answers_of_the_cpu(tmp_path):
    rows = np.random.default_rng(0).standard_normal((2000, 32)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    ids = [str(at) for at in range(2000)]
    on_cpu, on_cuda = build_index(ids, rows, "cpu"), build_index(ids, rows, "cuda")
    assert on_cuda.description.endswith("gpu")
    assert on_cpu.search(rows[:50], 10)[1] == on_cuda.search(rows[:50], 10)[1]
