"""report.html: one file that holds all it needs and asks the network for nothing."""

import base64
import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metafuse.report.base import N_EXAMPLES, ReportData, ReportRow, Suggestion, listed_rows
from metafuse.report.points import N_COLOURS, choose_points, map_payload
from metafuse.report.summary import headline, notices, tiles
from metafuse.report.words import clip, count, estimate, interval, percent, seconds, signed_points

if TYPE_CHECKING:
    from jinja2 import Environment

PHOTO_BUDGET_BYTES = 3 * 2**20
PLAYER_BUDGET_BYTES = 4 * 2**20
N_QUARANTINED_SHOWN = 50
STYLES = ("page.css", "map.css")
SCRIPTS = ("page.js", "pointer.js", "map.js")
SECTIONS = {
    "summary": "Summary",
    "map": "Map",
    "quality": "Quality of the model",
    "modalities": "Modalities",
    "clusters": "Clusters",
    "anomalies": "Anomalies",
    "next": "Label next",
    "data": "Data quality",
    "ran": "What ran",
}


def write_report(data: ReportData, path: Path) -> None:
    """Write the page to a file.

    Args:
        data: What it shows.
        path: The file, usually `report.html` in the run folder.
    Raises:
        ShapeError: the points of the map lack a column.
    """
    path.write_bytes(render_report(data).encode("utf-8"))


def render_report(data: ReportData) -> str:
    """Make the page: the same data give the same bytes.

    Raises:
        ShapeError: the points of the map lack a column.
    """
    has_points = data.points is not None and not data.points.empty
    chosen = choose_points(data.points, seed=data.setup.seed) if has_points else None
    map_ids = [] if chosen is None else [str(value) for value in chosen["id"]]
    listed_ids = [row.row_id for row in listed_rows(data)]
    photos, n_without = fit_photos(data.photos, listed_ids, map_ids)
    # A photo already in a list is not sent twice: the script takes the map's from there.
    for_map = {row_id: photos[row_id] for row_id in photos.keys() - set(listed_ids)}
    payload = {} if chosen is None else map_payload(chosen, data.clusters, for_map)
    script = "".join(map(_template_text, SCRIPTS))
    values = {
        "data": data,
        "sections": SECTIONS,
        "headline": headline(data),
        "tiles": tiles(data),
        "notices": notices(data),
        "payload": payload,
        "n_points": len(map_ids),
        "n_without_photo": n_without,
        "shown": {"photos": photos, "players": fit_players(data.players, listed_ids)},
        "n_examples": N_EXAMPLES,
        "classes": sorted(data.classes, key=lambda one: (one.n_correct / max(1, one.n), one.label)),
        "cluster_colour": payload.get("clusterColour", [index % N_COLOURS for index in range(len(data.clusters))]),
        "quarantine": data.quarantine[:N_QUARANTINED_SHOWN],
        "labels_csv": labels_csv(data.suggestions),
        "style": "".join(map(_template_text, STYLES)),
        "dark_style": _template_text("dark.css"),
        "script": script,
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
    }
    page = _environment().get_template("page.html").render(values)
    # A lone surrogate in a row's text cannot be written as UTF-8.
    return page.encode("utf-8", "replace").decode("utf-8")


def fit_photos(photos: Mapping[str, str], listed: Sequence[str], on_map: Sequence[str]) -> tuple[dict[str, str], int]:
    """Take photos until they fill their share of the page, those in lists before those on the map.

    Args:
        photos: Row id -> thumbnail.
        listed: Ids of the rows in lists, most important first; a photo is written as often as its row.
        on_map: Ids of the map's points.
    Returns:
        The photos taken, and how many points of the map go without theirs.
    """
    times = Counter(listed)
    pictures = {row_id: uri for row_id, uri in photos.items() if uri.startswith("data:image/")}
    order = {row_id: max(1, times[row_id]) for row_id in [*listed, *on_map]}
    taken = _fit(pictures, order, PHOTO_BUDGET_BYTES)
    return taken, sum(row_id in photos and row_id not in taken for row_id in on_map)


def fit_players(players: Mapping[str, str], listed: Sequence[str]) -> dict[str, str]:
    """Take sounds and videos until they fill their share of the page, in the order of the lists."""
    playable = {row_id: uri for row_id, uri in players.items() if uri.startswith(("data:audio/", "data:video/"))}
    return _fit(playable, Counter(listed), PLAYER_BUDGET_BYTES)


def _fit(uris: Mapping[str, str], times: Mapping[str, int], budget_bytes: int) -> dict[str, str]:
    """Take what fits of the rows in order, each as often as the page writes it."""
    taken: dict[str, str] = {}
    for row_id, n_times in times.items():
        size = len(uris.get(row_id, "")) * n_times
        if row_id in uris and size <= budget_bytes:
            taken[row_id] = uris[row_id]
            budget_bytes -= size
    return taken


def labels_csv(suggestions: Sequence[Suggestion]) -> str:
    """Write the suggested rows as a labels file with the guesses filled in, to be corrected by hand."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["id", "label"])
    writer.writerows([one.row.row_id, one.row.label or ""] for one in suggestions)
    return buffer.getvalue()


def _template_text(name: str) -> str:
    return resources.files("metafuse.report").joinpath("templates", name).read_text(encoding="utf-8")


def _environment() -> "Environment":
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FunctionLoader(_template_text),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        clip=lambda text, n_chars: clip(str(text), n_chars),
        percent=percent,
        estimate=estimate,
        interval=interval,
        signed_points=signed_points,
        count=count,
        seconds=seconds,
        short_method=lambda method: method.partition(",")[0].partition(" of ")[0],
        verbatim=Markup,
        data_block=lambda value: Markup(_data_block(value)),
    )
    environment.globals.update(row_label=_row_label)
    return environment


def _data_block(value: Any) -> str:
    """Write JSON that no text in it can break out of the script element of."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _row_label(row: ReportRow) -> str:
    if row.label is None:
        return ""
    sure = "" if row.probability is None else f" {percent(row.probability)}"
    return clip(row.label, 60) + sure
