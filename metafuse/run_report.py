"""The data of a run's report page."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from jaxtyping import Int

from metafuse.artifact import versions
from metafuse.contributions import ModalityResult
from metafuse.encoders.parts import cells_of
from metafuse.evaluation import Proportion
from metafuse.quality import Quality, examine
from metafuse.report.base import (
    AnomalySummary,
    ClassAccuracy,
    ClusterSummary,
    ColumnFinding,
    Confusion,
    Counts,
    Estimate,
    Finding,
    Gaps,
    ModalityContribution,
    QuarantinedRow,
    Recall,
    ReportData,
    ReportRow,
    Setup,
    Suggestion,
    listed_rows,
)
from metafuse.report.pictures import PICTURED, PLAYED, picture, player
from metafuse.report.projection import Projection, project, project_linearly, sample_points
from metafuse.rows import Rows
from metafuse.run_summary import encoder_names, fusion_in_words
from metafuse.schema import Column, Modality
from metafuse.services.anomaly import Anomalies
from metafuse.services.cluster import Clustering
from metafuse.sources.labels import text_key
from metafuse.sources.media import Media
from metafuse.state import State

MAP_ROWS = 5_000
LISTED = 20
EXAMPLES = 3
PHOTO_ROWS = 1_500
PLAYER_ROWS = 60


@dataclass(frozen=True)
class Layout:
    """Which rows the map shows, and where.

    Args:
        rows: Their positions.
        projection: Their places.
        linear: Their places on the main components; None where that is what the projection is.
    """

    rows: Int[np.ndarray, " n_points"]
    projection: Projection
    linear: Projection | None


def lay_out(state: State) -> Layout:
    """Choose the rows of the map, labelled ones first, and place them."""
    kept = sample_points(state.class_index >= 0, limit=MAP_ROWS, seed=state.settings.seed)
    projection, linear = (
        project(state.embeddings[kept], seed=state.settings.seed),
        project_linearly(state.embeddings[kept]),
    )
    return Layout(kept, projection, None if linear.method == projection.method else linear)


def examine_rows(state: State, rows: Rows) -> Quality:
    """Look at the quality of a run's rows."""
    return examine(rows.frame, state.spec.schema, pd.Series(rows.labels, dtype=object), media=rows.media)


def collect_report(
    state: State,
    rows: Rows,
    *,
    texts: list[str],
    predictions: pd.DataFrame,
    clustering: Clustering,
    judged: Anomalies,
    strangest: pd.DataFrame,
    suggested: pd.DataFrame,
    quality: Quality,
    layout: Layout,
) -> ReportData:
    """Put together what the report page shows.

    Args:
        state: Of the run.
        rows: The source's rows.
        texts: What each row says.
        predictions: For the source's own rows.
        clustering: Of the source's rows.
        judged: How unusual each row is.
        strangest: The most unusual rows, with reason and nearest normal rows.
        suggested: Rows to label next.
        quality: What is wrong with the data.
        layout: The map.
    """
    places = {text_key(row_id): place for place, row_id in enumerate(rows.ids)}
    show = _Shower(rows, texts, predictions, list(places))
    points = _points(state, show, clustering, judged, layout)
    data = ReportData(
        source=state.settings.source,
        counts=Counts(len(rows), int((state.class_index >= 0).sum()), len(state.quarantine)),
        setup=Setup(
            encoder_names(state), fusion_in_words(state), state.settings.learner_in_words, state.settings.seed,
            state.settings.device, versions(), state.timings,
        ),
        points=points,
        projection=layout.projection.method,
        other_projection=layout.linear.method if layout.linear else "",
        accuracy=_estimate(state.metrics.leave_one_out),
        baseline_name="nearest prototype on frozen features",
        baseline=_estimate(state.metrics.baseline),
        classes=tuple(
            ClassAccuracy(found.label, found.accuracy.n, found.accuracy.hits, found.accuracy.low, found.accuracy.high)
            for found in state.metrics.classes
        ),
        confusions=tuple(Confusion(*found) for found in state.metrics.confusions),
        recalls=_recalls(state),
        modalities=tuple(_contribution(name, found) for name, found in state.metrics.modalities.items()),
        clusters=tuple(
            ClusterSummary(place, group.name, group.n_rows, group.is_new, group.words, show.rows(group.central_rows))
            for place, group in enumerate(clustering.clusters)
        ),
        anomalies=tuple(
            AnomalySummary(
                show.row(places[text_key(found.id)]), float(found.anomaly_score), found.reason,
                show.rows([places[text_key(row_id)] for row_id in found.nearest_normal][:EXAMPLES]),
            )
            for found in strangest.itertuples()
        ),
        suggestions=tuple(
            Suggestion(show.row(places[text_key(found.id)]), found.reason)
            for found in suggested.head(LISTED).itertuples()
        ),
        columns=_column_findings(state, quality),
        findings=_findings(quality, state),
        missing=_gaps(quality),
        quarantine=tuple(QuarantinedRow(bad.row_id, bad.column or "", bad.reason) for bad in state.quarantine),
    )  # fmt: skip
    listed = [places[row.row_id] for row in listed_rows(data)]
    drawn = [places[text_key(name)] for name in points["id"]]
    wanted = list(dict.fromkeys([*listed, *drawn]))[:PHOTO_ROWS]
    return _with_media(data, state, rows, wanted, list(dict.fromkeys(listed))[:PLAYER_ROWS])


class _Shower:
    """Turns row positions into rows as the report shows them."""

    def __init__(self, rows: Rows, texts: list[str], predictions: pd.DataFrame, ids: list[str]) -> None:
        self.ids, self.texts, self.labels = ids, texts, rows.labels
        self.predicted = predictions["label"].tolist()
        self.probability = predictions["probability"].tolist()
        self.is_unknown = predictions["is_unknown"].to_numpy()

    def row(self, place: int) -> ReportRow:
        own = self.labels[place]
        label, probability = (own, None) if own is not None else (self.predicted[place], self.probability[place])
        return ReportRow(self.ids[place], self.texts[place], label, probability)

    def rows(self, places: Iterable[int]) -> tuple[ReportRow, ...]:
        return tuple(self.row(int(place)) for place in places)


def _points(state: State, show: _Shower, clustering: Clustering, judged: Anomalies, layout: Layout) -> pd.DataFrame:
    labelled, kept, coordinates = state.class_index >= 0, layout.rows, layout.projection.coordinates
    shown = [show.row(int(place)) for place in kept]
    linear = (
        {} if layout.linear is None else dict(zip(("other_x", "other_y"), layout.linear.coordinates.T, strict=True))
    )
    return pd.DataFrame(
        {
            "x": coordinates[:, 0],
            "y": coordinates[:, 1],
            **linear,
            "id": [row.row_id for row in shown],
            "text": [row.text for row in shown],
            "label": [row.label for row in shown],
            "is_labelled": labelled[kept],
            "probability": [row.probability for row in shown],
            "is_unknown": show.is_unknown[kept] & ~labelled[kept],
            "cluster": clustering.assignment[kept],
            "anomaly_score": judged.anomaly_score[kept],
        }
    )


def _with_media(data: ReportData, state: State, rows: Rows, wanted: list[int], listed: list[int]) -> ReportData:
    """Add pictures of the rows that are listed or drawn, and players for the listed ones."""
    columns = state.spec.schema.columns
    pictured = [column for column in columns if column.modality in PICTURED]
    played = [column for column in columns if column.modality in PLAYED]
    return replace(
        data,
        photos=_first_of_each(rows, wanted, pictured, picture),
        players=_first_of_each(rows, listed, played, player),
    )


def _first_of_each(
    rows: Rows, places: Sequence[int], columns: Sequence[Column], show: Callable[[object, Modality, Media], str | None]
) -> dict[str, str]:
    """Show each row by the first of these columns that can be shown."""
    cells = {column.name: cells_of(rows.frame, (column.name,)) for column in columns}
    found = {}
    for place in places:
        filled = [column for column in columns if cells[column.name][place] is not None]
        shown = (show(cells[column.name][place], column.modality, rows.media) for column in filled)
        uri = next((uri for uri in shown if uri is not None), None)
        if uri is not None:
            found[text_key(rows.ids[place])] = uri
    return found


def _column_findings(state: State, quality: Quality) -> tuple[ColumnFinding, ...]:
    reasons = {column.name: column.reason for column in state.spec.schema.columns}
    return tuple(
        ColumnFinding(
            found.name, str(found.modality), reasons[found.name], found.n_missing, found.n_distinct,
            found.n_outliers if found.modality is Modality.NUMERIC else None,
        )
        for found in quality.columns
    )  # fmt: skip


def _findings(quality: Quality, state: State) -> tuple[Finding, ...]:
    found = [Finding("note", note) for note in state.notes]
    found += [Finding("cleaned", f"{change.count.text}.") for change in state.changes]
    found += [Finding("left as it is", f"{left.text}.") for left in state.spec.cleaner.findings]
    if quality.repeats.n_rows:
        found.append(Finding("duplicate rows", f"{quality.repeats.n_rows} rows have the content of another."))
    if quality.near_repeats.n_rows:
        found.append(Finding("near duplicates", f"{quality.near_repeats.n_rows} rows have nearly the text of another."))
    for column, repeats in quality.repeated_images.items():
        if repeats.n_rows:
            found.append(Finding("repeated images", f"{repeats.n_rows} rows of '{column}' have the image of another."))
    found += [Finding(str(leak.severity), f"'{leak.column}': {leak.evidence}") for leak in quality.leaks]
    if quality.classes and quality.classes.single:
        names = ", ".join(quality.classes.single[:LISTED])
        found.append(Finding("one label only", f"nothing can be held out of: {names}."))
    return tuple(found)


def _gaps(quality: Quality) -> Gaps:
    found = quality.missing
    patterns = tuple((pattern.columns, pattern.n_rows) for pattern in found.patterns)
    return Gaps(found.columns, found.shares, patterns, found.n_complete)


def _contribution(name: str, found: ModalityResult) -> ModalityContribution:
    without = None if found.without is None else _estimate(found.without)
    shapley = None if found.shapley is None else found.shapley.accuracy
    return ModalityContribution(name, _estimate(found.alone), without, found.weight, shapley)


def _recalls(state: State) -> tuple[Recall, ...]:
    pairs = state.crossmodal.pairs if state.crossmodal else ()
    return tuple(
        Recall(f"{source} to {target}", pair.recall.n_held_out, shares, min(1.0, 10 / pair.recall.n_held_out))
        for pair in pairs
        for source, target, shares in (
            (pair.x, pair.y, pair.recall.forward),
            (pair.y, pair.x, pair.recall.backward),
        )
    )


def _estimate(found: Proportion) -> Estimate | None:
    return Estimate(found.share, found.low, found.high) if found.n else None
