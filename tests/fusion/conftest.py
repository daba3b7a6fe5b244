"""Experts with known skill."""

import numpy as np
import pytest

from metafuse.fusion.late import log_softmax


@pytest.fixture(scope="session")
def experts():
    """A good expert, a weak one and noise on 200 rows of three classes, the good one silent on the first rows."""

    def build(n_rows=200, n_silent=0, seed=0):
        generator = np.random.default_rng(seed)
        truth = generator.integers(3, size=n_rows)
        said = [
            log_softmax(skill * np.eye(3)[truth] + generator.standard_normal((n_rows, 3))).astype(np.float32)
            for skill in (2.5, 1.0, 0.0)
        ]
        said[0][:n_silent] = 0
        return said, truth

    return build
