"""`adapt`: from a source to a run, in the order data flows."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from metafuse.adaptation import adapt_features, columns_by_modality, measure
from metafuse.artifact import check_target
from metafuse.base_checkpoint import Base, open_base
from metafuse.crossmodal import TRANSLATORS
from metafuse.crossmodal.alignment import CrossModal, fit_crossmodal
from metafuse.crossmodal.filling import AUTO, Filler, fit_filler
from metafuse.embedder import Embedder, OnProgress, fit_embedder
from metafuse.encoders.models import torch_device
from metafuse.errors import ConfigError, SchemaError
from metafuse.features import Features, open_cache
from metafuse.fusion import FUSIONS
from metafuse.index.factory import build_index
from metafuse.learners import EPISODIC, LEARNERS
from metafuse.preparation import Prepared, label_classes, prepare
from metafuse.rows import class_indices
from metafuse.run import Run
from metafuse.saving import RUN_MARKER
from metafuse.schema import Modality
from metafuse.sources.base import Quarantined
from metafuse.sources.labels import text_key
from metafuse.state import Settings, State
from metafuse.task import AdaptSpec, TaskSpec, open_any


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
        prepared = prepare(opened, labels, label_column, seed)
        classes = label_classes(prepared.rows)
    with _timed(timings, "encode"):
        embedder = fit_embedder(
            prepared.rows, prepared.schema, open_cache(cache_dir),
            models=how.models, cleaner=prepared.cleaner, device=device,
        )  # fmt: skip
        features, failed = embedder.encode(prepared.rows, on_progress)
        _check_readable(features, failed)
        if start is not None:
            start.check_encoders(embedder.spec.fingerprints)
        spaces = fit_crossmodal(features, seed=seed) if how.align else None
        filler = None if how.fill == "none" else fit_filler(features, method=how.fill, seed=seed)
        shots = _class_shots(embedder, opened.task, classes)
    settings = Settings(
        prepared.dataset.name, how.learner, how.fusion, how.false_alarm, seed, device, opened.source.fingerprint,
        base=None if base is None else str(base),
    )  # fmt: skip
    encoded = _Encoded(embedder, features, tuple(failed), spaces, filler, classes, shots)
    run = _adapt_encoded(prepared, encoded, settings, start, timings)
    if out is not None:
        run.save(out)
    return run


@dataclass(frozen=True)
class _Encoded:
    """A source's rows as features.

    Args:
        embedder: What encoded them.
        features: All rows.
        failed: Cells that could not be encoded.
        spaces: Join modalities; None where they are learned later, if at all.
        filler: Fills the gaps of rows; None where they stay.
        classes: Label of each class.
        class_shots: One row per class, made of its name; None where nothing reads words.
    """

    embedder: Embedder
    features: Features
    failed: tuple[Quarantined, ...]
    spaces: CrossModal | None
    filler: Filler | None
    classes: tuple[str, ...]
    class_shots: Features | None


def _adapt_encoded(
    prepared: Prepared, encoded: _Encoded, settings: Settings, start: Base | None, timings: dict[str, float]
) -> Run:
    """Adapt to encoded rows, and let the adapted model say what it thinks of them."""
    features, classes, learner = encoded.features, encoded.classes, settings.learner
    class_index = class_indices(prepared.rows.labels, classes)
    filled = features if encoded.filler is None else encoded.filler.fill(features)
    with _timed(timings, "adapt"):
        adapted = adapt_features(
            filled, class_index, class_shots=encoded.class_shots, learner=learner, fusion=settings.fusion,
            seed=settings.seed, device=settings.device, base=start,
        )  # fmt: skip
        metrics = measure(adapted.held_out, filled, class_index, classes)
    with _timed(timings, "predict"):
        assessed = adapted.assess_and_embed(filled)
    with _timed(timings, "index"):
        index = build_index([text_key(row_id) for row_id in prepared.rows.ids], assessed.embeddings, settings.device)
    notes = [*prepared.notes, *_unlabelled_notes(features, class_index)]
    if start is None and learner not in LEARNERS.names():
        notes.append(f"learner '{learner}' was not meta-trained and starts plain: give --base a checkpoint of it")
    state = State(
        settings, encoded.embedder.spec, classes, adapted, metrics, features, class_index, assessed.embeddings,
        assessed.logits, assessed.p_values,
        quarantine=(*prepared.dataset.quarantine, *encoded.failed), notes=tuple(notes), changes=prepared.changes,
        joins=prepared.dataset.joins, filler=encoded.filler,
        crossmodal=encoded.spaces, timings=timings,
    )  # fmt: skip
    return Run(state, prepared.rows, encoded.embedder, index)


def default_out(source: str) -> Path:
    """Folder that the command line writes a source's run to."""
    name = Path(source.rsplit("://", maxsplit=1)[-1].split("?", maxsplit=1)[0]).stem or "source"
    return Path("runs") / name


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
    FUSIONS.get(how.fusion)
    if how.fill not in ("none", AUTO):
        TRANSLATORS.get(how.fill)
    torch_device(device)
    if seed < 0:
        raise ConfigError(f"seed: expected 0 or a larger whole number, got {seed}. 0 is usual.")
    if out is not None:
        check_target(Path(out), RUN_MARKER)


def _check_readable(features: Features, failed: Sequence[Quarantined]) -> None:
    if failed and not any(mask.any() for mask in features.present.values()):
        bad = failed[0]
        raise SchemaError(
            f"expected a column with values to learn from, got none: no cell of {len(failed):,} can be read; the first "
            f"is in column '{bad.column}' of row '{bad.row_id}': {bad.reason}. Mend the cells, or give more columns."
        )


def _unlabelled_notes(features: Features, class_index: np.ndarray) -> list[str]:
    """Name the modalities that no labelled row has: they are searched and clustered by, but cannot vote on a class."""
    labelled = class_index >= 0
    return [
        f"no labelled row has {modality} ({', '.join(columns)}), so it says nothing about the classes: "
        "label rows that have it"
        for modality, columns in columns_by_modality(features).items()
        if not np.any([features.present[column][labelled] for column in columns])
    ]


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
