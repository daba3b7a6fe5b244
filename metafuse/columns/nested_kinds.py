"""What cells are that hold more than one value: media, lists of numbers, places in one cell."""

from collections import Counter
from collections.abc import Sequence

from metafuse.columns.media_kinds import media_kind
from metafuse.columns.number_lists import list_shape
from metafuse.columns.places import PLACE_WORDS, is_on_globe, parse_place
from metafuse.columns.value_patterns import MOST

VECTOR_WORDS = frozenset(
    ["embedding", "embeddings", "emb", "vector", "vec", "features", "feature", "descriptor", "encoding", "latent"]
)
"""Words in the name of a column whose numbers have no order in time."""

_SAMPLE = 200
"""Cells looked at: one may hold a hundred thousand numbers."""
_USUAL = 0.95
"""Share of lists of one length from which, in a column named as vectors, the others are taken for broken ones."""
_FEWEST_STEPS = 4
_FEWEST_EQUAL_STEPS = 8
"""Lists of one length below this are measurements side by side rather than a course in time."""
_FINE_DIGITS = 3
_PLANE = 5.0

Verdict = tuple[str, str]
"""The value of a modality, and the reason."""


def kind_of_media(cells: Sequence[object]) -> Verdict | None:
    """Judge cells that are not text by the first bytes or the shape of half of them."""
    kinds = [media_kind(cell) for cell in cells]
    for kind, noun in (("image", "images"), ("audio", "sounds"), ("video", "videos"), ("pdf", "PDF files")):
        if cells and 2 * kinds.count(kind) >= len(cells):
            return kind, f"holds {noun}"
    return None


def kind_of_places(cells: Sequence[object], words: Sequence[str]) -> Verdict | None:
    """Judge cells that may hold a latitude and a longitude.

    Without a name that speaks of places, only texts are taken for them, half of which must have three decimals or
    more and reach beyond what points on a plane, scaled to one, are.

    Args:
        cells: Texts, pairs or mappings.
        words: Of the column's name.
    """
    places = [parse_place(cell) for cell in cells]
    on_globe = [place is not None and is_on_globe(*place) for place in places]
    if sum(on_globe) < MOST * len(cells):
        return None
    speaks = bool(PLACE_WORDS & set(words)) or {"lat", "lon"} <= set(words)
    fine = [place is not None and _looks_like_degrees(*place) for place in places]
    is_text = all(isinstance(cell, str) for cell in cells)
    if not (speaks or (is_text and 2 * sum(fine) >= len(cells))) or len(set(places)) < 2:
        return None
    return "geo", "latitude and longitude in one cell"


def kind_of_lists(cells: Sequence[object], words: Sequence[str]) -> Verdict | None:
    """Judge cells that may be lists of numbers: a vector, a series, or neither."""
    cells = cells[:: max(1, len(cells) // _SAMPLE)]
    shapes = [shape for cell in cells if (shape := list_shape(cell)) is not None]
    if not shapes or len(shapes) < MOST * len(cells):
        return None
    steps = sorted(shape[1] for shape in shapes)
    spread = f"{steps[0]:,} to {steps[-1]:,}" if steps[0] < steps[-1] else f"{steps[0]:,}"
    n_channels = max(shape[0] for shape in shapes)
    if n_channels > 1:
        return "series", f"{n_channels} lists of {spread} numbers in a cell, one list a channel"
    usual, n_usual = Counter(steps).most_common(1)[0]
    name = next((word for word in words if word in VECTOR_WORDS), None)
    if name is not None and n_usual >= _USUAL * len(steps):
        where = "every cell" if n_usual == len(steps) else f"{_share(n_usual, len(steps))} of the cells"
        return "vector", f"{usual:,} numbers in {where}, and '{name}' in the name"
    if steps[0] == steps[-1] < _FEWEST_EQUAL_STEPS:
        return "vector", f"{spread} numbers in every cell, too few for a course in time"
    if steps[len(steps) // 2] < _FEWEST_STEPS:
        return "ignored", f"lists of {spread} numbers, too short for a series and of no fixed length"
    order = "; mark it as vector if their order means nothing" if steps[0] == steps[-1] else ""
    return "series", f"{spread} numbers in {'every' if steps[0] == steps[-1] else 'a'} cell{order}"


def _share(n: int, n_all: int) -> str:
    return f"{min(n / n_all, 0.999):.1%}".replace(".0%", "%")


def _looks_like_degrees(latitude: float, longitude: float) -> bool:
    has_decimals = all(round(degrees, _FINE_DIGITS - 1) != degrees for degrees in (latitude, longitude))
    return has_decimals and max(abs(latitude), abs(longitude)) > _PLANE
