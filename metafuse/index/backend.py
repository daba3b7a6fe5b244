"""Where the search library comes from, and whether it runs on the GPU."""

import logging
from pathlib import Path
from typing import Any

from metafuse.errors import ConfigError, MissingExtraError

log = logging.getLogger(__name__)

DEVICES = ("auto", "cpu", "cuda")


def load_faiss() -> Any:
    """Import faiss.

    Raises:
        MissingExtraError: neither of the two extras that bring it is installed.
    """
    try:
        import faiss
    except ImportError as err:
        raise MissingExtraError(
            "the index needs faiss, which is not installed. Install one of the two: "
            'pip install "metafuse[cpu]" (any machine) or pip install "metafuse[gpu]" (Linux with an NVIDIA GPU).'
        ) from err
    return faiss


def on_gpu(device: str) -> bool:
    """Decide whether the index, k-means and the neighbour graph run on the GPU; log what was decided and why.

    Args:
        device: "auto" takes a GPU that is there, "cpu" never does, "cuda" insists on one.
    Returns:
        True for the GPU. False with a warning where there is a GPU that the installed faiss cannot use.
    Raises:
        ConfigError: another device, or "cuda" on a machine without a GPU.
        MissingExtraError: faiss is not installed.
    """
    if device not in DEVICES:
        raise ConfigError(f"unknown device '{device}'. Known: {', '.join(DEVICES)}. Use one of these.")
    faiss = load_faiss()
    if device == "cpu":
        return False
    if hasattr(faiss, "StandardGpuResources") and faiss.get_num_gpus() > 0:
        log.info("index, k-means and neighbour graph run on the GPU")
        return True
    if _gpu_is_there():
        log.warning(
            "this machine has a GPU, but the installed faiss cannot use it: index, k-means and neighbour graph run on "
            'the CPU. To use the GPU: pip uninstall faiss-cpu, then pip install "metafuse[gpu]".'
        )
    elif device == "cuda":
        raise ConfigError("device 'cuda' needs an NVIDIA GPU, found none. Use device 'auto' or 'cpu'.")
    return False


def _gpu_is_there() -> bool:
    # faiss has GPU builds for Linux alone (/dev/dxg is its subsystem on Windows), and this costs no import of torch.
    return any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/dxg").exists()
