"""What the reasons look like: each cue is painted over the item's photo.

A cue gets the canvas, the frame of the item (its square is -1..1) and the frame of the page.
"""

import random
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from new_dept_maker.canvas import (
    Canvas,
    Colour,
    Distance,
    Frame,
    Placement,
    Point,
    box,
    disc,
    line,
    make_frame,
    polygon,
    ring,
)

INK: Colour = (30, 28, 34)
PAPER: Colour = (246, 244, 236)
RED: Colour = (214, 48, 44)
GREEN: Colour = (56, 150, 72)
YELLOW: Colour = (250, 206, 60)
WATER: Colour = (58, 140, 220)
SPRAY: Colour = (196, 228, 250)
CARTON: Colour = (186, 140, 88)
CARTON_DARK: Colour = (140, 100, 58)
EMBER: Colour = (240, 110, 30)


class Scene(NamedTuple):
    """What a cue may paint on and be guided by."""

    canvas: Canvas
    item: Frame
    rng: random.Random

    def spot(self, reach: float = 0.7) -> Point:
        """Pick a place on the item."""
        return self.rng.uniform(-reach, reach), self.rng.uniform(-reach, reach)

    def corner(self, scale: float) -> Frame:
        """Lay a frame into one of the page's corners."""
        centre = (self.rng.choice((-0.58, 0.58)), self.rng.choice((-0.58, 0.58)))
        return make_frame(Placement(centre, self.rng.uniform(-0.3, 0.3), scale))


def _draw_cracks(scene: Scene) -> None:
    rng = scene.rng
    for _ in range(rng.randint(2, 4)):
        x, y = scene.spot(0.3)
        step_x, step_y = rng.choice((-1, 1)) * rng.uniform(0.12, 0.2), rng.uniform(-0.2, 0.2)
        points = tuple(
            (x + step_x * n + rng.uniform(-0.09, 0.09), y + step_y * n + rng.uniform(-0.09, 0.09)) for n in range(-3, 4)
        )
        scene.canvas.paint(line(scene.item, points, 0.065), PAPER)
        scene.canvas.paint(line(scene.item, points, 0.035), INK)
    for _ in range(rng.randint(3, 6)):
        x, y = scene.spot(1.0)
        shard = ((x, y), (x + rng.uniform(0.1, 0.22), y + 0.05), (x + 0.04, y + rng.uniform(0.12, 0.22)))
        scene.canvas.paint_outlined(polygon(scene.item, shard), PAPER, INK, 0.02)


def _draw_empty_battery(scene: Scene) -> None:
    frame = scene.corner(scene.rng.uniform(0.42, 0.5))
    scene.canvas.paint_outlined(box(frame, 0.0, -0.95, 0.25, 0.14), INK, PAPER)
    scene.canvas.paint_outlined(box(frame, 0.0, 0.05, 0.55, 0.9, corner=0.1), INK, PAPER)
    scene.canvas.paint(box(frame, 0.0, 0.05, 0.42, 0.76, corner=0.05), PAPER)
    scene.canvas.paint(box(frame, 0.0, 0.68, 0.36, 0.12), RED)
    bolt = ((0.12, -0.6), (-0.28, 0.1), (-0.02, 0.1), (-0.12, 0.5), (0.3, -0.14), (0.04, -0.14))
    scene.canvas.paint_outlined(polygon(frame, bolt), YELLOW, INK, 0.02)


def _draw_ruler(scene: Scene) -> None:
    rng = scene.rng
    upright = rng.random() < 0.5
    angle = (1.5708 if upright else 0.0) + rng.uniform(-0.12, 0.12)
    edge = rng.choice((-0.74, 0.74))
    frame = make_frame(Placement((edge, 0.0) if upright else (0.0, edge), angle, 1.0))
    scene.canvas.paint_outlined(box(frame, 0.0, 0.0, 0.95, 0.15), YELLOW, INK, 0.02)
    for number in range(-8, 9):
        length = 0.14 if number % 4 == 0 else 0.07
        scene.canvas.paint(box(frame, number * 0.11, -0.15 + length, 0.014, length), INK)


def _draw_question(scene: Scene) -> None:
    """Mark the gap that the parts left with a round question mark."""
    x, y = scene.spot(0.5)
    frame = make_frame(Placement((x * 0.8, y * 0.8), scene.rng.uniform(-0.2, 0.2), scene.rng.uniform(0.36, 0.42)))
    scene.canvas.paint_outlined(disc(frame, 0.0, 0.0, 1.0), PAPER, RED, 0.06)
    hook = ((-0.35, -0.35), (-0.2, -0.62), (0.18, -0.64), (0.36, -0.36), (0.22, -0.08), (0.0, 0.06), (0.0, 0.28))
    scene.canvas.paint(line(frame, hook, 0.11), RED)
    scene.canvas.paint(disc(frame, 0.0, 0.6, 0.14), RED)


def _draw_water(scene: Scene) -> None:
    rng = scene.rng
    page = make_frame()
    level = rng.uniform(0.4, 0.62)
    waves = tuple((-1.2 + n * 0.2, level + (0.05 if n % 2 else -0.05)) for n in range(13))
    scene.canvas.paint(polygon(page, (*waves, (1.2, 1.2), (-1.2, 1.2))), WATER, opacity_percent=70)
    scene.canvas.paint(line(page, waves, 0.025), SPRAY)
    for _ in range(rng.randint(7, 12)):
        size = rng.uniform(0.08, 0.14)
        frame = make_frame(Placement((rng.uniform(-0.9, 0.9), rng.uniform(-0.9, level)), 0.0, size))
        scene.canvas.paint_outlined(disc(frame, 0.0, 0.3, 0.8), WATER, SPRAY, 0.015)
        scene.canvas.paint(polygon(frame, ((0.0, -1.4), (0.62, -0.1), (-0.62, -0.1))), WATER)


def _draw_dark_screen(scene: Scene) -> None:
    rng = scene.rng
    frame = make_frame(Placement(scene.spot(0.12), rng.uniform(-0.15, 0.15), rng.uniform(0.52, 0.66)))
    scene.canvas.paint_outlined(box(frame, 0.0, 0.0, 1.0, 0.72, corner=0.06), (70, 72, 82), PAPER)
    scene.canvas.paint(box(frame, 0.0, 0.0, 0.9, 0.62), (8, 8, 12))
    scene.canvas.paint(polygon(frame, ((-0.8, -0.55), (-0.35, -0.55), (-0.8, 0.2))), (44, 46, 56))
    for _ in range(rng.randint(1, 3)):
        scene.canvas.paint(box(frame, rng.uniform(-0.7, 0.8), 0.0, 0.02, 0.6), rng.choice((GREEN, (160, 60, 180))))


def _draw_clock(scene: Scene) -> None:
    frame = scene.corner(scene.rng.uniform(0.4, 0.48))
    scene.canvas.paint_outlined(disc(frame, 0.0, 0.0, 0.95), PAPER, INK, 0.05)
    sector = ((0.0, 0.0), (0.0, -0.9), (0.62, -0.62), (0.9, 0.0), (0.62, 0.62))
    scene.canvas.paint(polygon(frame, sector), (240, 160, 150))
    for x, y in ((0.0, -0.76), (0.76, 0.0), (0.0, 0.76), (-0.76, 0.0)):
        scene.canvas.paint(disc(frame, x, y, 0.09), INK)
    scene.canvas.paint(line(frame, ((0.0, -0.62), (0.0, 0.0), (0.42, 0.42)), 0.07), RED)


def _draw_swatches(scene: Scene) -> None:
    """Lay a fan of colour cards beside the item, with one ticked."""
    rng = scene.rng
    cards = [(210, 60, 60), (236, 180, 50), (70, 160, 90), (60, 110, 200), (150, 80, 170)]
    rng.shuffle(cards)
    left = rng.random() < 0.5
    for number, card in enumerate(cards):
        centre = (-0.76 if left else 0.76, -0.72 + number * 0.36)
        frame = make_frame(Placement(centre, rng.uniform(-0.1, 0.1), 0.2))
        scene.canvas.paint_outlined(box(frame, 0.0, 0.0, 1.0, 0.8), card, PAPER)
        if number == 1:
            scene.canvas.paint(line(frame, ((-0.5, 0.0), (-0.1, 0.4), (0.6, -0.45)), 0.16), PAPER)


def _draw_burn(scene: Scene) -> None:
    rng = scene.rng
    x, y = scene.spot(0.35)
    for radius, colour, opacity in ((0.75, EMBER, 45), (0.52, RED, 60), (0.38, (60, 34, 22), 85), (0.22, INK, 95)):
        blobs = [(x + rng.uniform(-0.15, 0.15), y + rng.uniform(-0.15, 0.15)) for _ in range(3)]
        for blob_x, blob_y in blobs:
            scene.canvas.paint(disc(scene.item, blob_x, blob_y, radius * 0.8), colour, opacity_percent=opacity)
    for _ in range(rng.randint(2, 4)):
        frame = make_frame(Placement((rng.uniform(-0.6, 0.6), rng.uniform(-0.5, 0.6)), 0.0, rng.uniform(0.18, 0.28)))
        flame = ((0.0, -1.2), (0.3, -0.4), (0.62, -0.6), (0.7, 0.3), (0.3, 0.8), (-0.3, 0.8), (-0.7, 0.3), (-0.4, -0.5))
        scene.canvas.paint(polygon(frame, flame), EMBER)
        scene.canvas.paint(polygon(frame, tuple((px * 0.5, py * 0.5 + 0.3) for px, py in flame)), YELLOW)


def _draw_carton(scene: Scene) -> None:
    rng = scene.rng
    frame = make_frame(Placement((rng.uniform(-0.1, 0.1), 0.42), rng.uniform(-0.06, 0.06), rng.uniform(0.74, 0.84)))
    scene.canvas.paint_outlined(box(frame, 0.0, 0.1, 0.95, 0.6), CARTON, CARTON_DARK)
    for side in (-1, 1):
        flap = ((side * 0.95, -0.5), (side * 0.05, -0.5), (side * 0.25, -0.2), (side * 1.2, -0.2))
        scene.canvas.paint_outlined(polygon(frame, flap), CARTON, CARTON_DARK)
    scene.canvas.paint(box(frame, 0.0, 0.3, 0.1, 0.4), (222, 198, 150))
    seal = (rng.choice((-0.5, 0.5)), 0.32)
    scene.canvas.paint_outlined(disc(frame, seal[0], seal[1], 0.24), GREEN, PAPER, 0.02)
    tick = ((seal[0] - 0.1, seal[1]), (seal[0] - 0.02, seal[1] + 0.1), (seal[0] + 0.13, seal[1] - 0.1))
    scene.canvas.paint(line(frame, tick, 0.035), PAPER)


def _draw_insects(scene: Scene) -> None:
    rng = scene.rng
    for _ in range(rng.randint(7, 11)):
        placement = Placement(scene.spot(0.85), rng.uniform(0, 6.2), rng.uniform(0.14, 0.22))
        frame = make_frame(placement)
        for leg in (-0.35, 0.0, 0.35):
            scene.canvas.paint(line(frame, ((-0.9, leg * 1.7), (0.0, leg), (0.9, leg * 1.7)), 0.09), INK)
        scene.canvas.paint(disc(frame, 0.0, 0.45, 0.5), (66, 40, 22))
        scene.canvas.paint(disc(frame, 0.0, -0.15, 0.36), INK)
        scene.canvas.paint(disc(frame, 0.0, -0.62, 0.26), (66, 40, 22))


def _draw_lost_phone(scene: Scene) -> None:
    rng = scene.rng
    side = rng.choice((-1, 1))
    frame = make_frame(Placement((side * 0.6, 0.32), rng.uniform(-0.15, 0.15), rng.uniform(0.5, 0.58)))
    scene.canvas.paint_outlined(box(frame, 0.0, 0.0, 0.55, 1.0, corner=0.12), INK, PAPER)
    scene.canvas.paint(box(frame, 0.0, -0.05, 0.44, 0.78), (232, 240, 252))
    scene.canvas.paint(line(frame, ((-0.24, -0.3), (0.24, 0.2)), 0.09), RED)
    scene.canvas.paint(line(frame, ((0.24, -0.3), (-0.24, 0.2)), 0.09), RED)
    waves = make_frame(Placement((-side * 0.1, -0.5), 0.0, 0.42))
    wedge = polygon(waves, ((0.0, 0.5), (-1.3, -1.0), (1.3, -1.0)))
    for radius in (0.45, 0.85, 1.25):
        arc = ring(waves, 0.0, 0.5, radius, 0.1)
        scene.canvas.paint(_both(arc, wedge) - 0.02, PAPER)
        scene.canvas.paint(_both(arc, wedge), (110, 70, 200))
    scene.canvas.paint(disc(waves, 0.0, 0.42, 0.16), (110, 70, 200))


def _both(one: Distance, other: Distance) -> Distance:
    return np.maximum(one, other)


CUES: dict[str, Callable[[Scene], None]] = {
    "cracked_housing": _draw_cracks,
    "battery_does_not_charge": _draw_empty_battery,
    "wrong_size_ordered": _draw_ruler,
    "missing_parts": _draw_question,
    "water_inside": _draw_water,
    "screen_stays_dark": _draw_dark_screen,
    "arrived_too_late": _draw_clock,
    "wrong_colour_sent": _draw_swatches,
    "overheats": _draw_burn,
    "no_longer_needed": _draw_carton,
    "insects_inside": _draw_insects,
    "app_does_not_pair": _draw_lost_phone,
}
