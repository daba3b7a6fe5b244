"""MiniRocket of aeon as plain arrays: fitted once, saved without its objects, and projected on main directions."""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Int32

from metafuse.errors import MissingExtraError

N_KERNELS = 1008
"""Shares of positive values; a multiple of 84. Twice as many were no better with five labels a class."""

MOST_DIRECTIONS = 128
LEAST_SPREAD = 1e-6
"""Standard deviation below which a share of positive values does not vary."""

_ONE_AT_A_TIME = Lock()
"""numba's plainest threads end the process when two callers meet in them."""


@dataclass(frozen=True)
class RocketBlock:
    """MiniRocket fitted on the series of a source.

    Args:
        n_channels: How many channels each kernel sums, by kernel and dilation.
        channel_indices: Which ones.
        dilations: Steps between the nine values a kernel looks at.
        n_biases: Shares each kernel gives, by dilation.
        biases: What the kernels' sums are compared with.
        centre: Mean share of each kernel and bias in the source.
        basis: Directions of the standardised shares; a share that does not vary has no part in any.
    """

    n_channels: Int32[np.ndarray, " n_combinations"]
    channel_indices: Int32[np.ndarray, " _"]
    dilations: Int32[np.ndarray, " n_dilations"]
    n_biases: Int32[np.ndarray, " n_dilations"]
    biases: Float32[np.ndarray, " n_shares"]
    centre: Float[np.ndarray, " n_shares"]
    basis: Float[np.ndarray, "n_shares dim"]

    @property
    def dim(self) -> int:
        """Number of directions, fewer than the series it was fitted on."""
        return self.basis.shape[1]

    def transform(self, series: Float[np.ndarray, "n n_channels n_steps"]) -> Float[np.ndarray, "n dim"]:
        """Describe series of at least nine steps.

        Raises:
            MissingExtraError: aeon is not installed.
        """
        return (_shares(series, self._parameters()) - self.centre) @ self.basis

    def _parameters(self) -> list[np.ndarray]:
        parts = (self.n_channels, self.channel_indices, self.dilations, self.n_biases, self.biases)
        # loaded arrays may be read-only, for which numba would compile everything once more
        return [np.array(part) for part in parts]


def fit_rocket(series: Float[np.ndarray, "n n_channels n_steps"], seed: int) -> RocketBlock:
    """Fit MiniRocket and the main directions of its shares.

    Args:
        series: At least nine steps each.
        seed: Draws the channels of each kernel, and the series that biases are taken from.
    Raises:
        MissingExtraError: aeon is not installed.
    """
    rocket = _import_aeon().MiniRocket(n_kernels=N_KERNELS, random_state=seed)
    with _ONE_AT_A_TIME:
        state = np.random.get_state()  # aeon seeds the global generator, which is the caller's
        try:
            rocket.fit(series.astype(np.float32))
        finally:
            np.random.set_state(state)
    shares = _shares(series, rocket.parameters)
    centre, spread = shares.mean(axis=0), shares.std(axis=0)
    weights = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > LEAST_SPREAD)
    _, strengths, directions = np.linalg.svd((shares - centre) * weights, full_matrices=False)
    n_directions = int((strengths > 1e-6 * max(strengths[0], 1.0)).sum())
    basis = directions[: min(n_directions, MOST_DIRECTIONS)].T * weights[:, None]
    n_channels, channel_indices, dilations, n_biases, biases = rocket.parameters
    basis = np.ascontiguousarray(basis)
    return RocketBlock(n_channels, channel_indices, dilations, n_biases, biases, centre, basis)


def _shares(
    series: Float[np.ndarray, "n n_channels n_steps"], parameters: Sequence[np.ndarray]
) -> Float[np.ndarray, "n n_shares"]:
    """Compute the shares of positive values.

    aeon's own class transforms only where it was fitted; its compiled functions take the parameters as an argument.
    """
    aeon = _import_aeon()
    values = np.ascontiguousarray(series, dtype=np.float32)
    with _ONE_AT_A_TIME:
        if values.shape[1] == 1:
            found = aeon._static_transform_uni(values[:, 0], tuple(parameters), aeon.MiniRocket._indices)
        else:
            found = aeon._static_transform_multi(values, tuple(parameters), aeon.MiniRocket._indices)
    return found.astype(np.float64)


def _import_aeon() -> Any:
    try:
        from aeon.transformations.collection.convolution_based import _minirocket
    except ImportError as err:
        raise MissingExtraError('time series need aeon. Run: pip install "metafuse[series]"') from err
    return _minirocket
