"""`adapt`: from a source to a run, in the order data flows."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from metafuse.adaptation import adapt_features, measure
from metafuse.artifact import check_target
from metafuse.base_checkpoint import open_base
from metafuse.embedder import Embedder, OnProgress, fit_embedder
from metafuse.encoders.models import torch_device
from metafuse.errors import AdaptationError, ConfigError, SchemaError
from metafuse.features import Features, open_cache
from metafuse.index.factory import build_index
from metafuse.leaks import Severity, find_leaks
from metafuse.learners import EPISODIC, LEARNERS
from metafuse.rows import Rows, class_indices, take_rows
from metafuse.run import Run
from metafuse.saving import RUN_MARKER
from metafuse.schema import Column, Modality, Schema, infer_schema
from metafuse.sources.base import Dataset
from metafuse.sources.labels import read_labels, text_key
from metafuse.state import Settings, State
from metafuse.task import AdaptSpec, Opened, TaskSpec, open_any

SHOWN = 5
"""Labels named in a note."""


def adapt(
    source: object,
    labels: object = None,
    *,
    label_column: str | None = None,
    learner: str | None = None,
    base: Path | str | None = None,
    false_alarm: float | None = None,
    seed: int = 0,
    device: str = "auto",
    out: Path | str | None = None,
    cache_dir: Path | str | None = None,
    on_progress: OnProgress | None = None,
) -> Run:
    """Adapt to a source from a handful of labels.

    Args:
        source: Task name, path, URL, pandas or polars DataFrame, pyarrow Table, or datasets.Dataset.
        labels: Mapping id -> label, a two-column table or the path of one; None to take the source's own label
            column, empty where unlabelled. A source without ids is labelled by row position.
        label_column: The column that holds the labels; inferred when not given.
        learner: "auto", "prototypical", "logistic", "lda", "propagation", or the name of an episodic learner
            ("maml", "ridge", ...); the task file's, or "auto".
        base: Checkpoint that `meta_train` wrote, to start from: its embedder under any learner, or its learner by name.
        false_alarm: Share of known-class rows that may be called unknown, 0..1; the task file's, or 0.05.
        seed: Same inputs and seed, same result.
        device: "auto", "cpu" or "cuda".
        out: Folder to save the run and its report in; nothing is written when None.
        cache_dir: Folder of the feature cache; the user's cache folder when None.
        on_progress: Told a stage, how many items of it are done, and their number.
    Raises:
        SourceError: the source cannot be read.
        SchemaError: its columns do not fit what was asked.
        AdaptationError: there are too few labels to adapt to.
        ConfigError: an argument or a value of the task file is none that is known.
        ArtifactError: something else stands at `out`, a model folder holds no usable weights, or the base was changed
            or trained on features of other encoders.
    """
    timings: dict[str, float] = {}
    opened = open_any(source)
    how = _settle(opened.task, learner, false_alarm)
    _check_arguments(how, seed, device, out)
    start = None if base is None else open_base(Path(base))
    if start is not None and start.takes_images:
        how = how.model_copy(update={"image_model": str(Path(start.name).resolve())})
    with _timed(timings, "read"):
        dataset = opened.source.read()
        schema, rows, notes = prepare(opened, dataset, labels, label_column, seed)
        classes = _classes(rows)
    class_index = class_indices(rows.labels, classes)
    with _timed(timings, "encode"):
        embedder = fit_embedder(rows, schema, open_cache(cache_dir), models=how.models, device=device)
        features, failed = embedder.encode(rows, on_progress)
        if start is not None:
            start.check_encoders(embedder.spec.fingerprints)
        class_shots = _class_shots(embedder, opened.task, classes)
    with _timed(timings, "adapt"):
        adapted = adapt_features(
            features,
            class_index,
            class_shots=class_shots,
            learner=how.learner,
            fusion=how.fusion,
            seed=seed,
            device=device,
            base=start,
        )
        metrics = measure(adapted.held_out, features, class_index, classes)
    with _timed(timings, "predict"):
        logits, p_values = adapted.assess(features)
        embeddings = adapted.embed(features)
    with _timed(timings, "index"):
        index = build_index([text_key(row_id) for row_id in rows.ids], embeddings, device)
    if start is None and how.learner not in LEARNERS.names():
        notes.append(f"learner '{how.learner}' was not meta-trained and starts plain: give --base a checkpoint of it")
    settings = Settings(
        dataset.name, how.learner, how.fusion, how.false_alarm, seed, device, opened.source.fingerprint,
        base=None if base is None else str(base),
    )  # fmt: skip
    state = State(
        settings, embedder.spec, classes, adapted, metrics, features, class_index, embeddings, logits, p_values,
        quarantine=(*dataset.quarantine, *failed), notes=tuple(notes), timings=timings,
    )  # fmt: skip
    run = Run(state, rows, embedder, index)
    if out is not None:
        run.save(out)
    return run


def default_out(source: str) -> Path:
    """Folder that the command line writes a source's run to."""
    name = Path(source.rsplit("://", maxsplit=1)[-1].split("?", maxsplit=1)[0]).stem or "source"
    return Path("runs") / name


def prepare(
    opened: Opened,
    dataset: Dataset,
    labels: object,
    label_column: str | None,
    seed: int,
    *,
    needs_labels: bool = True,
) -> tuple[Schema, Rows, list[str]]:
    """Settle a source's schema, ids and labels.

    Args:
        opened: The source, with its task file.
        dataset: Its rows.
        labels: Labels from outside; None for the source's own label column.
        label_column: The column that holds the labels; inferred when None.
        seed: Of the labels a task file's k_shot draws.
        needs_labels: Refuse a source without a label column.
    Returns:
        The schema without the columns that give the label away, the rows, and what the user should know.
    """
    spec = opened.task
    outside = None if labels is None else read_labels(labels)
    schema = infer_schema(dataset.frame, overrides=spec.columns if spec else None, label_column=label_column)
    if needs_labels and outside is None and schema.label_column is None:
        raise SchemaError(
            f"source '{dataset.name}' has no label column: expected one among {', '.join(map(str, dataset.frame))}. "
            "Name it with --label-column, or give --labels FILE with ids and labels."
        )
    rows = take_rows(dataset, schema, outside)
    if outside is None and spec is not None and spec.adapt.k_shot is not None:
        rows = replace(rows, labels=_draw_shots(rows.labels, spec.adapt.k_shot, seed))
    notes = []
    overridden = set(spec.columns) if spec else set()
    for leak in find_leaks(dataset.frame, schema, pd.Series(rows.labels, index=dataset.frame.index, dtype=object)):
        if leak.severity == Severity.LEAK and leak.column not in overridden:
            schema = _ignore(schema, leak.column, leak.evidence)
            notes.append(f"column '{leak.column}' is left out: it gives the label away ({leak.evidence})")
    return schema, rows, notes + _single_notes(rows)


def _settle(task: TaskSpec | None, learner: str | None, false_alarm: float | None) -> AdaptSpec:
    given = {"learner": learner, "false_alarm": false_alarm}
    how = (task.adapt if task else AdaptSpec()).model_copy(update={k: v for k, v in given.items() if v is not None})
    if not 0 < how.false_alarm < 1:
        raise ConfigError(f"false_alarm: expected a share between 0 and 1, got {how.false_alarm}. 0.05 is usual.")
    return how


def _check_arguments(how: AdaptSpec, seed: int, device: str, out: Path | str | None) -> None:
    """Refuse before the work what would fail after it."""
    if how.learner not in {*LEARNERS.names(), *EPISODIC.names()}:
        known = ", ".join(sorted({*LEARNERS.names(), *EPISODIC.names()}))
        raise ConfigError(f"unknown learner '{how.learner}'. Known: {known}. Use one of these names.")
    torch_device(device)
    if seed < 0:
        raise ConfigError(f"seed: expected 0 or a larger whole number, got {seed}. 0 is usual.")
    if out is not None:
        check_target(Path(out), RUN_MARKER)


def _classes(rows: Rows) -> tuple[str, ...]:
    labels = [label for label in rows.labels if label is not None]
    classes = tuple(sorted(set(labels)))
    if not labels:
        raise AdaptationError(
            "no row has a label: expected a handful for each of two classes or more. Fill in the label column for some "
            "rows, or give --labels FILE with ids and labels."
        )
    if len(classes) == 1:
        raise AdaptationError(
            f"all {len(labels)} labels are '{classes[0]}': expected at least two classes. Label rows of another class."
        )
    return classes


def _single_notes(rows: Rows) -> list[str]:
    counts = Counter(label for label in rows.labels if label is not None)
    single = sorted(label for label, count in counts.items() if count == 1)
    if not single:
        return []
    more = f" and {len(single) - SHOWN} more" if len(single) > SHOWN else ""
    return [
        f"{len(single)} of {len(counts)} classes have one label, so that none can be held out to measure them: "
        f"{', '.join(single[:SHOWN])}{more}"
    ]


def _draw_shots(labels: tuple[str | None, ...], k_shot: int, seed: int) -> tuple[str | None, ...]:
    generator = np.random.default_rng(seed)
    kept: set[int] = set()
    for label in sorted({label for label in labels if label is not None}):
        places = [place for place, own in enumerate(labels) if own == label]
        kept.update(generator.permutation(places)[:k_shot].tolist())
    return tuple(label if place in kept else None for place, label in enumerate(labels))


def _ignore(schema: Schema, name: str, reason: str) -> Schema:
    return Schema(
        tuple(
            Column(name, Modality.IGNORED, f"gives the label away: {reason}") if column.name == name else column
            for column in schema.columns
        )
    )


def _class_shots(embedder: Embedder, task: TaskSpec | None, classes: tuple[str, ...]) -> Features | None:
    if Modality.TEXT not in embedder.spec.models:
        return None
    named: Mapping[str, str] = task.class_names if task else {}
    return embedder.encode_query(text=[named.get(label, _in_words(label)) for label in classes])


def _in_words(label: str) -> str:
    words = " ".join(label.replace("_", " ").replace("/", " ").split())
    return words or label


@contextmanager
def _timed(timings: dict[str, float], step: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    timings[step] = round(time.perf_counter() - start, 3)
