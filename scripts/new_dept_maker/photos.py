"""Photos: an item on a background, the cue of its reason, and the noise of a cheap camera."""

import colorsys
import random

import numpy as np
from numpy.typing import NDArray

from new_dept_maker.canvas import SIZE, Canvas, Colour, Distance, Frame, Placement, box, make_frame
from new_dept_maker.cues_art import CUES, Scene
from new_dept_maker.items_art import DARK, GLASS, ITEM_PARTS, LIGHT, METAL

NO_CUE_RATE = 0.08
FOREIGN_CUE_RATE = 0.04
OUTLINE: Colour = (24, 24, 30)


def draw_photo(item_key: str, reason_key: str, rng: random.Random) -> NDArray[np.int64]:
    """Draw one return; now and then the picture does not show what is wrong, or shows something else."""
    canvas = _draw_background(rng)
    placement = _place(reason_key, rng)
    frame = make_frame(placement)
    _draw_item(canvas, frame, item_key, rng, n_missing=2 if reason_key == "missing_parts" else 0)
    chance = rng.random()
    if chance < FOREIGN_CUE_RATE:
        CUES[rng.choice(sorted(CUES))](Scene(canvas, frame, rng))
    elif chance > FOREIGN_CUE_RATE + NO_CUE_RATE:
        CUES[reason_key](Scene(canvas, frame, rng))
    return add_noise(canvas.pixels(), rng, strength=rng.randint(3, 9))


def add_noise(pixels: NDArray[np.int64], rng: random.Random, strength: int) -> NDArray[np.int64]:
    """Shift every channel of every pixel by at most `strength`."""
    raw = np.frombuffer(rng.randbytes(SIZE * SIZE * 3), dtype=np.uint8).astype(np.int64)
    shift = raw.reshape(SIZE, SIZE, 3) % (2 * strength + 1) - strength
    return np.clip(pixels + shift, 0, 255)


def pick_colour(rng: random.Random, saturation: tuple[float, float], value: tuple[float, float]) -> Colour:
    """Pick a colour of any hue within a range of saturation and brightness."""
    channels = colorsys.hsv_to_rgb(rng.random(), rng.uniform(*saturation), rng.uniform(*value))
    red, green, blue = (round(channel * 255) for channel in channels)
    return red, green, blue


def _place(reason_key: str, rng: random.Random) -> Placement:
    """Choose where the item lies; a wrong size fills the page or looks lost on it."""
    scale = rng.uniform(0.68, 0.84)
    if reason_key == "wrong_size_ordered":
        scale = rng.choice((rng.uniform(0.36, 0.46), rng.uniform(1.0, 1.15)))
    height = -0.3 if reason_key == "no_longer_needed" else rng.uniform(-0.12, 0.12)
    return Placement((rng.uniform(-0.15, 0.15), height), rng.uniform(-0.3, 0.3), scale)


def _draw_background(rng: random.Random) -> Canvas:
    """Draw a wall and a table, sometimes with planks or tiles."""
    wall = pick_colour(rng, (0.05, 0.25), (0.72, 0.95))
    table = pick_colour(rng, (0.1, 0.35), (0.5, 0.8))
    canvas = Canvas(wall)
    page = make_frame()
    horizon = rng.uniform(0.1, 0.7)
    canvas.paint(box(page, 0.0, horizon + 1.0, 2.0, 1.0), table)
    seam = _darken(table, percent=10)
    style = rng.choice(("plain", "planks", "tiles"))
    if style == "planks":
        for number in range(1, 4):
            canvas.paint(box(page, 0.0, horizon + number * 0.25, 2.0, 0.012), seam)
    elif style == "tiles":
        tile = _darken(wall, percent=5)
        for number in range(-2, 3):
            canvas.paint(box(page, number * 0.45, horizon - 1.0, 0.012, 1.0), tile)
    return canvas


def _darken(colour: Colour, percent: int) -> Colour:
    red, green, blue = (channel * (100 - percent) // 100 for channel in colour)
    return red, green, blue


def _draw_item(canvas: Canvas, frame: Frame, item_key: str, rng: random.Random, n_missing: int) -> None:
    """Draw the parts in order; missing ones leave a dashed outline."""
    tones = {
        "body": pick_colour(rng, (0.35, 0.85), (0.45, 0.9)),
        "accent": pick_colour(rng, (0.3, 0.9), (0.4, 0.95)),
        "metal": METAL,
        "dark": DARK,
        "light": LIGHT,
        "glass": GLASS,
    }
    parts = ITEM_PARTS[item_key]
    missing = set(rng.sample(range(len(parts)), n_missing))
    distances = [part.measure(frame) for part in parts]
    for number, part in enumerate(parts):
        if number not in missing:
            canvas.paint_outlined(distances[number], tones[part.tone], OUTLINE, 0.025)
    for number in missing:
        _draw_gap(canvas, distances[number], frame)


def _draw_gap(canvas: Canvas, shape: Distance, frame: Frame) -> None:
    """Draw a white place with a dashed rim where a part should be."""
    canvas.paint(shape, (250, 250, 250))
    rim = np.abs(shape) - 0.03
    dashes = (np.floor((frame.u + frame.v) * 6) % 2 == 0) & (rim < 0)
    canvas.paint(np.where(dashes, -1.0, 1.0), (214, 48, 44))
