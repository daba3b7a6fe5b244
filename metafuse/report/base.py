"""What a report shows, as plain data: nothing here knows how a run came about or how a page looks."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

N_EXAMPLES = 3
"""Rows shown of each cluster, and beside each anomaly."""


@dataclass(frozen=True)
class Estimate:
    """A share with its interval, all in 0..1.

    Args:
        value: The share itself.
        low: Lower end of the 95 % interval; None where none was computed.
        high: Upper end of it.
    """

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Setup:
    """What ran.

    Args:
        encoders: Column or modality -> name of what encoded it.
        fusion: How the modalities were joined.
        learner: What was adapted, in words.
        seed: Seed of the run.
        device: Where it ran.
        versions: Package -> version.
        timings: Step -> seconds, in the order they ran.
    """

    encoders: Mapping[str, str]
    fusion: str
    learner: str
    seed: int
    device: str
    versions: Mapping[str, str] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Counts:
    """How many rows there are of each kind; `n_rows` leaves the quarantined ones out."""

    n_rows: int
    n_labelled: int
    n_quarantined: int = 0


@dataclass(frozen=True)
class ColumnFinding:
    """What one column was taken for and what is wrong with its values.

    Args:
        name: The source's own name of it.
        modality: What its values are.
        reason: Why it was taken for that.
        n_missing: Rows without a value.
        n_distinct: Different values; None where that was not counted.
        n_outliers: Values far from the others; None where that makes no sense.
    """

    name: str
    modality: str
    reason: str
    n_missing: int = 0
    n_distinct: int | None = None
    n_outliers: int | None = None


@dataclass(frozen=True)
class Gaps:
    """Where values are missing.

    Args:
        columns: Columns with a gap.
        shares: Share of missing values of each column in each stretch of rows, 0..1, from first row to last.
        patterns: Columns missing together, and on how many rows; most frequent first.
        n_complete: Rows without a gap.
    """

    columns: tuple[str, ...]
    shares: tuple[tuple[float, ...], ...]
    patterns: tuple[tuple[tuple[str, ...], int], ...]
    n_complete: int


@dataclass(frozen=True)
class Finding:
    """Something wrong with the rows as a whole.

    Args:
        kind: In a word or two: "duplicate rows", "near duplicates", "gives the label away".
        message: What was found, in a sentence.
        row_ids: Rows it is about, the first few.
    """

    kind: str
    message: str
    row_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class QuarantinedRow:
    """A row that was set aside, and why."""

    row_id: str
    column: str
    reason: str


@dataclass(frozen=True)
class ClassAccuracy:
    """Leave-one-out result of one class: `n_correct` of its `n` labelled rows, with the interval."""

    label: str
    n: int
    n_correct: int
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Confusion:
    """`n` labelled rows of class `label` were taken for `predicted`."""

    label: str
    predicted: str
    n: int


@dataclass(frozen=True)
class ModalityContribution:
    """What one modality adds.

    Args:
        name: Its name.
        alone: Accuracy with this modality only.
        without: Accuracy with all the others.
        weight: Its share in the fusion, 0..1.
        shapley: Accuracy it adds on average over every order of adding modalities, as a share; all of them sum to
            what is reached beyond chance. None for what sees every modality.
    """

    name: str
    alone: Estimate | None = None
    without: Estimate | None = None
    weight: float | None = None
    shapley: float | None = None


@dataclass(frozen=True)
class Recall:
    """How well rows are found from one modality to another, on held-out pairs.

    Args:
        way: "text to image".
        n_queries: Held-out rows, each searched for among as many.
        shares: k -> share of the queries that find their row among the first k, 0..1.
        chance: What ten at random would give.
    """

    way: str
    n_queries: int
    shares: Mapping[int, float]
    chance: float


@dataclass(frozen=True)
class ReportRow:
    """One row as it is shown; its photo is found by `row_id` in `ReportData.photos`.

    Args:
        row_id: The row's id.
        text: What describes it, in full: it is cut to fit.
        label: Its label, or the predicted one.
        probability: How sure that label is, 0..1; None for a given label.
    """

    row_id: str
    text: str
    label: str | None = None
    probability: float | None = None


@dataclass(frozen=True)
class ClusterSummary:
    """One group of rows.

    Args:
        cluster_id: The value of the map's column `cluster` for its rows.
        name: A class name, or the words that tell it apart.
        size: How many rows are in it.
        is_new: Whether no label names it.
        words: Its most telling words, best first.
        rows: Its most central rows.
    """

    cluster_id: int
    name: str
    size: int
    is_new: bool = False
    words: tuple[str, ...] = ()
    rows: tuple[ReportRow, ...] = ()


@dataclass(frozen=True)
class AnomalySummary:
    """One unusual row: its score (up = more unusual), why, and the rows nearest to it."""

    row: ReportRow
    anomaly_score: float
    reason: str
    nearest: tuple[ReportRow, ...] = ()


@dataclass(frozen=True)
class Suggestion:
    """One row worth a label, and why."""

    row: ReportRow
    reason: str = ""


@dataclass(frozen=True)
class ReportData:
    """Everything the page shows. Leave a part empty and its section says so.

    Args:
        source: Name of the source.
        counts: Rows by kind.
        setup: What ran.
        points: One row per point of the map. Columns x, y, id; and, each optional, text, label
            (given or predicted), is_labelled, probability, is_unknown, cluster, anomaly_score, other_x, other_y.
        projection: How the map was made, in words (`Projection.method`).
        other_projection: How its columns other_x and other_y were; empty where there is no other map to switch to.
        accuracy: Leave-one-out accuracy on the labelled rows.
        baseline_name: The plain baseline, in words.
        baseline: Its accuracy on the same rows.
        classes: Leave-one-out result per class.
        confusions: Pairs of classes taken for each other, most frequent first.
        modalities: What each modality adds.
        recalls: How well one modality is found by another; empty where that was not learned.
        clusters: Groups of rows.
        anomalies: Most unusual first.
        suggestions: Most useful to label first.
        columns: Findings per column, in the source's order.
        findings: Findings on the rows as a whole.
        quarantine: Rows set aside; the first 50 are shown.
        missing: Where values are missing; None where that was not examined.
        photos: Row id -> thumbnail as `thumbnail` makes it: a photo, a frame, a page or the curve of a series.
        players: Row id -> sound or video as a data URI.
    """

    source: str
    counts: Counts
    setup: Setup
    points: pd.DataFrame | None = None
    projection: str = ""
    other_projection: str = ""
    accuracy: Estimate | None = None
    baseline_name: str = "nearest class mean"
    baseline: Estimate | None = None
    classes: tuple[ClassAccuracy, ...] = ()
    confusions: tuple[Confusion, ...] = ()
    modalities: tuple[ModalityContribution, ...] = ()
    recalls: tuple[Recall, ...] = ()
    clusters: tuple[ClusterSummary, ...] = ()
    anomalies: tuple[AnomalySummary, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    columns: tuple[ColumnFinding, ...] = ()
    findings: tuple[Finding, ...] = ()
    quarantine: tuple[QuarantinedRow, ...] = ()
    missing: Gaps | None = None
    photos: Mapping[str, str] = field(default_factory=dict)
    players: Mapping[str, str] = field(default_factory=dict)


def listed_rows(data: ReportData) -> list[ReportRow]:
    """List the rows shown outside the map, most important first; ids may repeat."""
    anomalous = [row for anomaly in data.anomalies for row in (anomaly.row, *anomaly.nearest[:N_EXAMPLES])]
    suggested = [suggestion.row for suggestion in data.suggestions]
    central = [row for cluster in data.clusters for row in cluster.rows[:N_EXAMPLES]]
    return anomalous + suggested + central
