"""Independent calls side by side, one core each."""

import importlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

MOST_WORKERS = 4


def run_side_by_side(calls: Sequence[Callable[[], Any]], imports: Sequence[str] = ()) -> list[Any]:
    """Run calls in threads and return their results in order.

    For calls that spend their time in numpy, scipy, faiss or scikit-learn, which release the interpreter. Meanwhile
    these libraries use one thread per call: many short parallel steps that wait for each other gain nothing on quiet
    cores and lose a factor of ten on busy ones, and sums in one thread are the same on every machine.

    Args:
        calls: What to run.
        imports: Modules that the calls import when they need them; imported first, because threads that import parts
            of one library at the same time can meet it half made.
    """
    from threadpoolctl import threadpool_limits

    for module in imports:
        importlib.import_module(module)

    n_workers = max(
        1, min(MOST_WORKERS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    )
    with threadpool_limits(1), ThreadPoolExecutor(n_workers) as executor:
        return list(executor.map(lambda call: call(), calls))
