"""Who gets what: the rows of the department, in the order they came over the counter."""

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from new_dept_maker.catalogue import ITEMS, N_LABELS_PER_REASON, REASONS, SEED, SHOPS, Item, Reason
from new_dept_maker.notes import NoteWriter
from new_dept_maker.oddities import MALFORMED, ODDITIES, UNREADABLE, Oddity
from new_dept_maker.photos import draw_photo
from new_dept_maker.png import encode_png

Kind = Literal["normal", "anomaly", "unreadable_photo", "malformed"]

N_WITHOUT_PHOTO = 60
N_WITHOUT_NOTE = 30
N_BOOKED_TWICE = 2


@dataclass(frozen=True)
class Row:
    """One return.

    Attributes:
        note: Free text, empty where nobody wrote one.
        photo: Bytes of the photo file, None where nobody took one.
        weight_kg: Weight on the scales.
        price: Price paid in euros.
        shop: Where it came back.
        returned_at: When it came back.
        reason: The true reason, empty where none fits.
        kind: What a reader of the source should make of it.
        is_labelled: Whether somebody has entered the reason.
        malformation: Key into `MALFORMED`, empty for a sound line.
    """

    note: str
    photo: bytes | None
    weight_kg: float
    price: float
    shop: str
    returned_at: datetime
    reason: str = ""
    kind: Kind = "normal"
    is_labelled: bool = False
    malformation: str = ""


def make_rows() -> list[Row]:
    """Make every row, sorted by time of return."""
    ordinary = _leave_gaps([row for reason in REASONS for row in _make_reason(reason)])
    labelled = _label(ordinary)
    rows = [*labelled, *_book_twice(labelled), *_make_oddities(), *_make_unreadable(), *_make_malformed()]
    return sorted(rows, key=lambda row: (row.returned_at, row.note))


def _make_reason(reason: Reason) -> list[Row]:
    rng = random.Random(f"{SEED} {reason.key}")
    writer = NoteWriter(reason, rng)
    return [_make_row(reason, ITEMS[rng.choice(reason.items)], writer, rng) for _ in range(reason.n_rows)]


def _make_row(reason: Reason, item: Item, writer: NoteWriter, rng: random.Random) -> Row:
    return Row(
        note=writer.write(item),
        photo=encode_png(draw_photo(item.key, reason.key, rng)),
        weight_kg=round(item.weight_kg * reason.weight_factor * rng.uniform(0.85, 1.15), 2),
        price=round(item.price * rng.uniform(0.8, 1.1), 2),
        shop=rng.choice(SHOPS),
        returned_at=_opening_hour(reason.months, rng),
        reason=reason.label,
    )


def _opening_hour(months: tuple[int, ...], rng: random.Random) -> datetime:
    """Pick a minute of 2025 when a counter was open; one return in four comes in any month."""
    month = rng.choice(months) if rng.random() < 0.75 else rng.randint(1, 12)
    return datetime(2025, month, rng.randint(1, 28), rng.randint(8, 18), rng.randint(0, 59))


def _leave_gaps(rows: list[Row]) -> list[Row]:
    """Take the photo from some rows and the note from others."""
    rng = random.Random(f"{SEED} gaps")
    chosen = rng.sample(range(len(rows)), N_WITHOUT_PHOTO + N_WITHOUT_NOTE)
    without_photo, without_note = set(chosen[:N_WITHOUT_PHOTO]), set(chosen[N_WITHOUT_PHOTO:])
    return [
        replace(
            row,
            photo=None if number in without_photo else row.photo,
            note="" if number in without_note else row.note,
        )
        for number, row in enumerate(rows)
    ]


def _label(rows: list[Row]) -> list[Row]:
    """Mark the few rows of each known reason that somebody read and labelled."""
    rng = random.Random(f"{SEED} labels")
    chosen: set[int] = set()
    for reason in REASONS:
        if reason.is_labelled:
            readable = [number for number, row in enumerate(rows) if row.reason == reason.label and row.note]
            chosen.update(rng.sample(readable, N_LABELS_PER_REASON))
    return [replace(row, is_labelled=number in chosen) for number, row in enumerate(rows)]


def _book_twice(rows: list[Row]) -> list[Row]:
    """Repeat a few unlabelled rows under a new id, some minutes later."""
    rng = random.Random(f"{SEED} twice")
    complete = [row for row in rows if row.note and row.photo and not row.is_labelled]
    return [
        replace(row, returned_at=row.returned_at + timedelta(minutes=rng.randint(2, 9)))
        for row in rng.sample(complete, N_BOOKED_TWICE)
    ]


def _make_oddities() -> list[Row]:
    rng = random.Random(f"{SEED} oddities")
    return [_make_oddity(oddity, rng) for oddity in ODDITIES]


def _make_oddity(oddity: Oddity, rng: random.Random) -> Row:
    usual = _make_any_row(rng)
    return replace(
        usual,
        note=usual.note if oddity.note is None else oddity.note,
        photo=usual.photo if oddity.picture is None else encode_png(oddity.picture(rng)),
        weight_kg=usual.weight_kg if oddity.weight_kg is None else oddity.weight_kg,
        price=usual.price if oddity.price is None else oddity.price,
        reason="",
        kind="anomaly",
    )


def _make_unreadable() -> list[Row]:
    rng = random.Random(f"{SEED} unreadable")
    rows = [_make_any_row(rng) for _ in UNREADABLE]
    return [
        replace(row, photo=spoil(row.photo or b""), kind="unreadable_photo")
        for row, spoil in zip(rows, UNREADABLE.values(), strict=True)
    ]


def _make_malformed() -> list[Row]:
    rng = random.Random(f"{SEED} malformed")
    return [
        replace(_make_any_row(rng), photo=None, reason="", kind="malformed", malformation=name) for name in MALFORMED
    ]


def _make_any_row(rng: random.Random) -> Row:
    """Make an ordinary row of a reason that has labels."""
    reason = rng.choice([reason for reason in REASONS if reason.is_labelled])
    return _make_row(reason, ITEMS[rng.choice(reason.items)], NoteWriter(reason, rng), rng)
