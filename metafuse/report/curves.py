"""Series as small curves that travel inside the page."""

import base64

import numpy as np
from jaxtyping import Float

WIDTH, HEIGHT, EDGE = 96, 64, 4
MAX_STEPS = 192
MAX_CHANNELS = 4
COLOURS = ("#315ed1", "#a06404", "#01916c", "#e04a90")
"""Of the page's own, readable on light and on dark."""


def curve(series: Float[np.ndarray, "n_channels n_steps"]) -> str:
    """Draw the first channels of a series as an SVG data URI, each scaled to the height; gaps stay open.

    Long series are thinned to the lowest and highest value of each stretch, so that no peak is lost.
    """
    lines = []
    for channel, colour in zip(series[:MAX_CHANNELS], COLOURS, strict=False):
        points = _points(_thin(channel))
        lines += [f'<polyline points="{part}" fill="none" stroke="{colour}" stroke-width="1.4"/>' for part in points]
    picture = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">{"".join(lines)}</svg>'
    return "data:image/svg+xml;base64," + base64.b64encode(picture.encode()).decode("ascii")


def _thin(channel: Float[np.ndarray, " n_steps"]) -> Float[np.ndarray, " n_points"]:
    if len(channel) <= MAX_STEPS:
        return channel
    thinned = []
    for stretch in np.array_split(channel, MAX_STEPS // 2):
        known = stretch[np.isfinite(stretch)]
        thinned += [known.min(), known.max()] if len(known) else [np.nan, np.nan]
    return np.array(thinned)


def _points(channel: Float[np.ndarray, " n_points"]) -> list[str]:
    """Points of each stretch without a gap, as SVG writes them."""
    known = channel[np.isfinite(channel)]
    if not len(known):
        return []
    low, extent = known.min(), np.ptp(known) or 1.0
    x = np.linspace(EDGE, WIDTH - EDGE, len(channel))
    y = HEIGHT - EDGE - (channel - low) / extent * (HEIGHT - 2 * EDGE)
    gaps = np.flatnonzero(~np.isfinite(y))
    parts = np.split(np.arange(len(y)), gaps)
    kept = [[place for place in part if np.isfinite(y[place])] for part in parts]
    return [" ".join(f"{x[place]:.1f},{y[place]:.1f}" for place in part) for part in kept if len(part) > 1]
