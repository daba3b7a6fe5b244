"""The rows that do not belong: planted anomalies, unreadable photos and malformed lines."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from new_dept_maker.canvas import SIZE, Canvas, box, disc, line, make_frame, polygon
from new_dept_maker.photos import add_noise

Picture = Callable[[random.Random], NDArray[np.int64]]


@dataclass(frozen=True)
class Oddity:
    """One planted anomaly: what is set here is odd, what is None is taken from an ordinary return.

    Attributes:
        note: Text about something else entirely.
        picture: Draws a photo of something else.
        weight_kg: A weight no return can have.
        price: A price no return can have.
    """

    note: str | None = None
    picture: Picture | None = None
    weight_kg: float | None = None
    price: float | None = None


def draw_static(rng: random.Random) -> NDArray[np.int64]:
    """Draw what a broken camera sees: pure noise."""
    grey = np.full((SIZE, SIZE, 3), 128, dtype=np.int64)
    return add_noise(grey, rng, strength=127)


def draw_sunset(rng: random.Random) -> NDArray[np.int64]:
    """Draw a holiday picture: sun, sea and a palm."""
    canvas, page = Canvas((60, 30, 90)), make_frame()
    for number, colour in enumerate(((130, 40, 100), (200, 60, 80), (240, 110, 60), (252, 170, 60))):
        canvas.paint(box(page, 0.0, 0.75 + number * 0.22, 2.0, 1.3), colour)
    canvas.paint(disc(page, 0.2, 0.3, 0.34), (255, 236, 150))
    canvas.paint(box(page, 0.0, 1.3, 2.0, 1.0), (40, 30, 80))
    for number in range(5):
        canvas.paint(box(page, 0.2, 0.38 + number * 0.11, 0.3 - number * 0.05, 0.02), (255, 190, 90))
    canvas.paint(line(page, ((-0.7, 1.1), (-0.62, 0.2), (-0.45, -0.4)), 0.05), (14, 10, 22))
    for tip in ((-0.95, -0.3), (-0.85, -0.72), (-0.4, -0.85), (0.0, -0.6), (0.05, -0.25)):
        canvas.paint(line(page, ((-0.45, -0.4), tip), 0.045), (14, 10, 22))
    return add_noise(canvas.pixels(), rng, strength=3)


def draw_test_card(rng: random.Random) -> NDArray[np.int64]:
    """Draw a chessboard under colour bars."""
    canvas, page = Canvas((255, 255, 255)), make_frame()
    for row in range(16):
        for column in range(row % 2, 16, 2):
            canvas.paint(box(page, column * 0.125 - 0.9375, row * 0.125 - 0.9375, 0.0625, 0.0625), (0, 0, 0))
    bars = ((255, 255, 0), (0, 255, 255), (0, 255, 0), (255, 0, 255), (255, 0, 0), (0, 0, 255))
    for number, colour in enumerate(bars):
        canvas.paint(box(page, number / 3 - 0.8333, 0.0, 0.1667, 0.45), colour)
    return add_noise(canvas.pixels(), rng, strength=2)


def draw_cat(rng: random.Random) -> NDArray[np.int64]:
    """Draw the face of a black cat, close up, in the night."""
    canvas, page = Canvas((8, 10, 20)), make_frame()
    fur = (26, 24, 30)
    for side in (-1, 1):
        canvas.paint(polygon(page, ((side * 0.85, -0.95), (side * 0.2, -0.55), (side * 0.8, -0.1))), fur)
    canvas.paint(disc(page, 0.0, 0.15, 0.85), fur)
    for side in (-1, 1):
        canvas.paint(disc(page, side * 0.38, 0.0, 0.24), (170, 255, 60))
        canvas.paint(box(page, side * 0.38, 0.0, 0.05, 0.22, corner=0.05), (0, 0, 0))
        for whisker in (0.3, 0.42, 0.54):
            points = ((side * 0.25, 0.42), (side * 0.95, whisker))
            canvas.paint(line(page, points, 0.012), (120, 120, 130))
    canvas.paint(polygon(page, ((-0.1, 0.32), (0.1, 0.32), (0.0, 0.45))), (220, 110, 130))
    return add_noise(canvas.pixels(), rng, strength=2)


ODDITIES = (
    Oddity(
        note="Beat four eggs with the sugar, fold in flour and melted butter, bake forty minutes at 180 degrees, "
        "let it cool and dust the sponge cake with cocoa."
    ),
    Oddity(
        note="Photography course, lesson 4: underexposed, ISO 12800, f/2.8, 1/4000 s, roll 7 frame 31, discard.",
        picture=draw_static,
    ),
    Oddity(weight_kg=4810.0),
    Oddity(
        note="Invoice for resurfacing the car park: 420 square metres of asphalt, kerb stones, two drains, "
        "line marking, payable within thirty days.",
        price=38900.0,
    ),
    Oddity(
        note="Greetings from Madeira! The hotel pool is heavenly, we swim with dolphins tomorrow and the wine "
        "is cheap. Kiss the grandchildren from us.",
        picture=draw_sunset,
        weight_kg=0.01,
        price=0.95,
    ),
    Oddity(
        note="LOST CAT Black tomcat Mikesch, shy, answers to tuna, missing from Linden Lane since the fireworks. "
        "Reward for the finder!",
        picture=draw_cat,
        weight_kg=5.8,
        price=0.0,
    ),
    Oddity(
        note="Traceback (most recent call last): File /srv/pos/sync.py line 88 in flush "
        "sqlite3.OperationalError: database is locked; retry=5 job=7f3a91 exit 255",
        price=-1.0,
    ),
    Oddity(
        note="test test 12345 qwertz asdf lorem ipsum dolor sit amet xxxxx training entry do not process",
        picture=draw_test_card,
        weight_kg=999.0,
        price=0.01,
    ),
)

# What is left of a photo, by how it was spoilt.
UNREADABLE: dict[str, Callable[[bytes], bytes]] = {
    "cut off by a lost connection": lambda photo: photo[:900],
    "an error page saved as a photo": lambda photo: b"<html><body><h1>404 Not Found</h1></body></html>\n",
    "an empty file": lambda photo: b"",
}

# Ways to spoil a CSV line: (fields of the line) -> fields written as they are.
MALFORMED: dict[str, Callable[[list[str]], list[str]]] = {
    "a comma nobody quoted": lambda fields: [fields[0], "Taken in at the counter", " see ticket", *fields[2:]],
    "a line that stops half-way": lambda fields: [fields[0], "Handed in by the driver", fields[2], fields[3]],
}
