"""All of a run that is saved: settings, the adapted model, and what it says of the source's own rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from metafuse.adaptation import Metrics
from metafuse.cleaning.base import ColumnChanges
from metafuse.crossmodal.alignment import CrossModal
from metafuse.crossmodal.filling import Filler
from metafuse.embedder import EmbedderSpec
from metafuse.features import Features
from metafuse.learners.mixture import Mixture
from metafuse.sources.base import Quarantined
from metafuse.sources.join_report import JoinReport


@dataclass(frozen=True)
class Settings:
    """What a run was made with.

    Args:
        source: Name of the source.
        learner: Name of the learner.
        fusion: Name of the fusion.
        false_alarm: Share of known-class rows that may be called unknown, 0..1.
        seed: Seed of everything drawn.
        device: "auto", "cpu" or "cuda".
        fingerprint: Of the source's rows.
        base: Checkpoint it started from; None for plain features.
    """

    source: str
    learner: str
    fusion: str
    false_alarm: float
    seed: int
    device: str
    fingerprint: str
    base: str | None = None

    @property
    def learner_in_words(self) -> str:
        """The learner, and what it started from."""
        return f"{self.learner} from {self.base}" if self.base else self.learner


@dataclass(frozen=True)
class State:
    """All of a run but its embedder and index: plain values, as saved.

    Args:
        settings: What it was made with.
        spec: Rebuilds the embedder.
        classes: Label of each class, in the order of probabilities.
        adapted: The learner's model.
        metrics: How good it is on held-out labels.
        features: Of the source's rows.
        class_index: Class of each row, -1 where unlabelled.
        embeddings: Of the source's rows.
        logits: Of the source's rows.
        p_values: Of the source's rows.
        quarantine: Rows and cells that could not be used.
        notes: What the user should know, in words.
        changes: Cells that cleaning changed, and what they were; `metafuse.cleaning.base.undo` takes them back.
        joins: What met and what did not where the source was joined to others.
        filler: Fills the gaps of rows; None where they stay.
        crossmodal: Spaces in which rows are found by one modality from another; None where none was learned.
        timings: Step -> seconds.
    """

    settings: Settings
    spec: EmbedderSpec
    classes: tuple[str, ...]
    adapted: Mixture
    metrics: Metrics
    features: Features
    class_index: Int[np.ndarray, " n"]
    embeddings: Float[np.ndarray, "n dim"]
    logits: Float[np.ndarray, "n n_way"]
    p_values: Float[np.ndarray, " n"]
    quarantine: tuple[Quarantined, ...]
    notes: tuple[str, ...]
    changes: tuple[ColumnChanges, ...] = ()
    joins: tuple[JoinReport, ...] = ()
    filler: Filler | None = None
    crossmodal: CrossModal | None = None
    timings: Mapping[str, float] = field(default_factory=dict)
