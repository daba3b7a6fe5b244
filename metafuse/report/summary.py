"""The result in a few plain sentences, and what deserves a look first."""

from dataclasses import dataclass

from metafuse.report.base import ReportData
from metafuse.report.words import count, estimate, interval, listing, percent, signed_points

MANY_MISSING = 0.3


@dataclass(frozen=True)
class Notice:
    """One thing worth a look: what, and the section that shows it."""

    text: str
    section: str


@dataclass(frozen=True)
class Tile:
    """One figure of the summary: its name, the figure, and a line below it."""

    name: str
    figure: str
    below: str = ""


def headline(data: ReportData) -> str:
    """Say the whole result in one sentence."""
    parts = [count(data.counts.n_rows, "row")]
    if data.counts.n_labelled:
        n_classes = len(data.classes)
        among = f" in {count(n_classes, 'class', 'classes')}" if n_classes else ""
        parts.append(count(data.counts.n_labelled, "label") + among)
    else:
        parts.append("no labels")
    if data.accuracy is not None:
        parts.append(f"leave-one-out accuracy {estimate(data.accuracy)}")
    n_new = sum(cluster.is_new for cluster in data.clusters)
    if n_new:
        parts.append(count(n_new, "new group"))
    if data.anomalies:
        parts.append(f"{count(len(data.anomalies), 'row')} worth a look")
    return ", ".join(parts) + "."


def tiles(data: ReportData) -> list[Tile]:
    """Name the figures of the summary strip."""
    counts = data.counts
    set_aside = f"{counts.n_quarantined:,} more set aside" if counts.n_quarantined else "none set aside"
    found = [
        Tile("Rows", f"{counts.n_rows:,}", set_aside),
        Tile("Labelled", f"{counts.n_labelled:,}", f"{counts.n_rows - counts.n_labelled:,} without a label"),
    ]
    if data.accuracy is not None:
        span = interval(data.accuracy.low, data.accuracy.high)
        found.append(Tile("Accuracy", percent(data.accuracy.value), f"95 % interval {span}" if span else ""))
    if data.accuracy is not None and data.baseline is not None:
        gain = signed_points(data.accuracy.value - data.baseline.value)
        found.append(Tile("Plain baseline", percent(data.baseline.value), f"the model: {gain} points"))
    if data.clusters:
        n_new = sum(cluster.is_new for cluster in data.clusters)
        found.append(Tile("Groups", f"{len(data.clusters):,}", f"{n_new:,} new" if n_new else "none new"))
    n_unknown = _n_unknown(data)
    if n_unknown is not None:
        found.append(Tile("Unknown", f"{n_unknown:,}", "like no class"))
    return found


def notices(data: ReportData) -> list[Notice]:
    """List what deserves a look first."""
    return [*_model_notices(data), *_group_notices(data), *_data_notices(data)]


def _n_unknown(data: ReportData) -> int | None:
    if data.points is None or "is_unknown" not in data.points:
        return None
    return int(data.points["is_unknown"].fillna(False).sum())


def _model_notices(data: ReportData) -> list[Notice]:
    found = []
    if data.accuracy is not None and data.baseline is not None and data.accuracy.value < data.baseline.value:
        found.append(Notice("The adapted model does worse than the plain baseline on the labelled rows.", "quality"))
    never = [one.label for one in data.classes if one.n and not one.n_correct]
    if never:
        verb = "is" if len(never) == 1 else "are"
        found.append(Notice(f"{listing(never)} {verb} never recognised.", "quality"))
    if data.confusions and data.confusions[0].n > 1:
        worst = data.confusions[0]
        text = f"{worst.label} is taken for {worst.predicted} most often ({count(worst.n, 'time')})."
        found.append(Notice(text, "quality"))
    return found


def _group_notices(data: ReportData) -> list[Notice]:
    found = []
    new = [cluster.name for cluster in data.clusters if cluster.is_new]
    if new:
        verb = "has" if len(new) == 1 else "have"
        found.append(Notice(f"{count(len(new), 'group')} {verb} no label yet: {listing(new)}.", "clusters"))
    if data.suggestions:
        text = f"{count(len(data.suggestions), 'label')} would help most: the rows are listed."
        found.append(Notice(text, "next"))
    return found


def _data_notices(data: ReportData) -> list[Notice]:
    found = []
    if data.counts.n_quarantined:
        verb = "was" if data.counts.n_quarantined == 1 else "were"
        found.append(Notice(f"{count(data.counts.n_quarantined, 'row')} {verb} set aside, with the reason.", "data"))
    n_all = max(1, data.counts.n_rows)
    gappy = [
        column.name for column in data.columns if column.modality != "label" and column.n_missing / n_all > MANY_MISSING
    ]
    if gappy:
        found.append(Notice(f"Over {MANY_MISSING:.0%} of the values are missing in {listing(gappy)}.", "data"))
    found.extend(Notice(finding.message, "data") for finding in data.findings)
    return found
