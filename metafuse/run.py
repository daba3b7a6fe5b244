"""A run: what adapting to a source gives, in memory or loaded from its folder."""

import logging
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from metafuse.columns.value_patterns import parse_numbers
from metafuse.crossmodal.alignment import CrossModal, fit_crossmodal
from metafuse.embedder import Embedder, OnProgress
from metafuse.errors import ConfigError, SchemaError
from metafuse.features import Features
from metafuse.fusion.late import log_softmax
from metafuse.index.faiss_index import FaissIndex
from metafuse.parallel import run_side_by_side
from metafuse.query import check_embedding, check_spaces, embed_query, encode_one, is_row
from metafuse.report.page import render_report
from metafuse.rows import Rows, take_rows
from metafuse.run_report import collect_report, examine_rows, lay_out
from metafuse.run_summary import count_facts, summarise
from metafuse.saving import save_state
from metafuse.schema import WRITTEN, Modality
from metafuse.services.anomaly import Anomalies, find_anomalies, nearest_normal
from metafuse.services.cluster import Clustering, cluster
from metafuse.services.retrieve import retrieve, retrieve_across
from metafuse.services.suggest import suggest_labels
from metafuse.sources.labels import text_key
from metafuse.state import State
from metafuse.tables import (
    anomaly_table,
    cluster_table,
    group_table,
    hit_table,
    prediction_table,
    row_texts,
    suggestion_table,
)
from metafuse.task import open_any

log = logging.getLogger(__name__)

EXCERPT = 160
REPORT_IMPORTS = ("sklearn.cluster", "sklearn.feature_extraction.text", "sklearn.manifold", "sklearn.metrics")


class Run:
    """An adapted source: predicts, embeds, retrieves, clusters, finds anomalies and suggests labels.

    Made by `metafuse.adapt` and `metafuse.load`. Calls change nothing; the same call gives the same answer.

    Args:
        state: Everything fitted.
        rows: The source's rows.
        embedder: Encodes new rows.
        index: Over the source's embeddings.
    """

    def __init__(self, state: State, rows: Rows, embedder: Embedder, index: FaissIndex) -> None:
        self.state = state
        self.rows = rows
        self.embedder = embedder
        self.index = index

    @property
    def classes(self) -> tuple[str, ...]:
        """Label of each class, in the order of `predict_proba`."""
        return self.state.classes

    @property
    def metrics(self) -> dict[str, Any]:
        """Leave-one-out accuracy on the support set with its 95 % interval, baseline, modalities, timings.

        And recall@1/5/10 across modalities, once `crossmodal` was asked for.
        """
        spaces = self.known_spaces
        across = {} if spaces is None else {"across_modalities": spaces.as_dict()}
        return self.state.metrics.as_dict() | across | {"timings": dict(self.state.timings)}

    def save(self, path: Path | str) -> Path:
        """Write the run and its report to a folder; `metafuse.load` gives the same answers bit for bit.

        Raises:
            ArtifactError: something else stands there, or the disk refuses.
        """
        clustering, layout, _, suggested, quality = run_side_by_side(
            [  # the longest first
                self.clusters,
                lambda: lay_out(self.state),
                lambda: self.judged,
                self.suggest_labels,
                lambda: examine_rows(self.state, self.rows),
            ],
            imports=REPORT_IMPORTS,
        )
        state = replace(self.state, crossmodal=self.known_spaces)
        report = collect_report(
            state,
            self.rows,
            texts=self.texts,
            predictions=self.predictions,
            clustering=clustering,
            judged=self.judged,
            strangest=self.anomalies(),
            suggested=suggested,
            quality=quality,
            layout=layout,
        )
        page = render_report(report)
        save_state(Path(path), state, self.rows, self.index, predictions=self.predictions, report=page)
        return Path(path)

    def summary(self) -> dict[str, Any]:
        """Facts a person wants after adapting, in words."""
        return summarise(self.state, self.predictions)

    def facts(self) -> dict[str, Any]:
        """The same for programs: counts, settings, notes and metrics, all JSON-able."""
        return count_facts(self.state, self.predictions) | {"metrics": self.metrics}

    def predict(self, rows: object, *, on_progress: OnProgress | None = None) -> pd.DataFrame:
        """Label rows, each independent of the others.

        Args:
            rows: New rows, as `adapt` takes a source.
            on_progress: Told how far encoding is.
        Returns:
            One line per row, in order: id, label (always the best known class), probability, is_unknown
            (p_value < false_alarm), p_value (share of known-class rows at least as unusual).
        Raises:
            SourceError, SchemaError: the rows cannot be read, or have none of the run's columns.
        """
        read, features = self._encode(rows, on_progress)
        logits, p_values = self.state.adapted.assess(features)
        return self._predictions(read.ids, logits, p_values)

    def predict_proba(self, rows: object) -> Float[np.ndarray, "n n_way"]:
        """Calibrated class probabilities of rows, in the order of `classes`."""
        _, features = self._encode(rows, None)
        return np.exp(log_softmax(self.state.adapted.logits(features))).astype(np.float32)

    def embed(self, rows: object) -> Float[np.ndarray, "n dim"]:
        """Embed rows into the run's shared space, float32, L2-normalised."""
        _, features = self._encode(rows, None)
        return self.state.adapted.embed(features)

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """`predict` for the source's own rows."""
        return self._predictions(self.rows.ids, self.state.logits, self.state.p_values)

    def retrieve(self, query: object, k: int = 10, *, to: str | None = None) -> pd.DataFrame:
        """Find the source's rows most similar to a query, best first.

        Args:
            query: Words; the path of an image or a sound; a row (mapping, Series or table of one row); or an
                embedding, (dim,) or (1, dim).
            k: Rows wanted.
            to: "text", "image" or "audio": rows are compared by that modality alone, in a space learned from the
                source's own pairs of it and the query's.
        Returns:
            id, similarity (cosine, -1..1), label (the row's own or the predicted one), is_predicted, text.
        Raises:
            SchemaError: the source has no column to compare such a query with, or the query holds nothing.
            ConfigError: the query is none of these, or k is below 1.
            ShapeError: an embedding of another length.
        """
        if to is not None:
            features, source = encode_one(query, self.embedder)
            spaces = check_spaces(self.crossmodal, source, to)
            return self._hit_table(
                retrieve_across(spaces, features, self.state.features, source=source, target=Modality(to), k=k)
            )
        if isinstance(query, np.ndarray):
            embedding = query
        elif is_row(query):
            embedding = self.embed(query)
        else:
            embedding = embed_query(query, self.state.adapted, self.embedder)
        return self._hits(check_embedding(embedding, self.index.dim), k)

    @cached_property
    def crossmodal(self) -> CrossModal | None:
        """Spaces learned from rows that have two modalities; None where too few have."""
        return self.known_spaces or fit_crossmodal(self.state.features, seed=self.state.settings.seed)

    @property
    def known_spaces(self) -> CrossModal | None:
        """`crossmodal` where it was learned already."""
        return self.__dict__.get("crossmodal", self.state.crossmodal)

    def retrieve_row(self, row_id: object, k: int = 10) -> pd.DataFrame:
        """Find the rows most similar to one of the source's own, itself left out."""
        place = self._place(row_id)
        embedding = check_embedding(self.state.embeddings[place], self.index.dim)
        return self._hits(embedding, k, exclude=text_key(self.rows.ids[place]))

    def clusters(self, n_clusters: int | None = None) -> Clustering:
        """Group the source's rows: labelled classes kept together, new groups found and named."""
        return cluster(
            self.state.embeddings,
            self.state.class_index,
            self.classes,
            probabilities=self._probabilities,
            p_values=self.state.p_values,
            texts=self.texts if self._has_text else None,
            n_clusters=n_clusters,
            seed=self.state.settings.seed,
        )

    def cluster(self, n_clusters: int | None = None) -> pd.DataFrame:
        """Group the source's rows.

        Args:
            n_clusters: How many in all, the labelled classes counted in; estimated when not given.
        Returns:
            id, cluster (-1 for a row with nothing to embed), name, is_new, in the rows' order.
        """
        return cluster_table(self.rows.ids, self.clusters(n_clusters))

    def cluster_summary(self, n_clusters: int | None = None) -> pd.DataFrame:
        """List the groups of `cluster`: cluster, name, is_new, n_rows, words (most telling), central_rows (ids)."""
        return group_table(self.rows.ids, self.clusters(n_clusters))

    @cached_property
    def judged(self) -> Anomalies:
        """How unusual each of the source's rows is, and in what."""
        numeric = self.state.spec.schema.named(Modality.NUMERIC)
        numbers = {name: np.asarray(parse_numbers(self.rows.frame[name]), dtype=np.float64) for name in numeric}
        return find_anomalies(self.state.features, numbers=numbers, device=self.state.settings.device)

    def anomalies(self, limit: int = 20) -> pd.DataFrame:
        """List the strangest rows of the source, strangest first.

        Returns:
            id, anomaly_score (up = more anomalous), reason, nearest_normal (ids), text.
        """
        if limit < 1:
            raise ConfigError(f"limit must be at least 1, got {limit}. Ask for one row or more.")
        order = np.argsort(-self.judged.anomaly_score, kind="stable")[:limit]
        near = nearest_normal(
            self.state.embeddings, self.judged.anomaly_score, order, device=self.state.settings.device
        )
        return anomaly_table(self.rows.ids, self.judged, order, near, [self.texts[row][:EXCERPT] for row in order])

    def suggest_labels(self, n: int = 20) -> pd.DataFrame:
        """List the rows to label next, most useful first: uncertain, and spread out.

        Returns:
            id, label (predicted), probability, reason, text.
        """
        found = suggest_labels(
            self.state.embeddings,
            self._probabilities,
            self.state.class_index,
            self.classes,
            p_values=self.state.p_values,
            n=n,
            seed=self.state.settings.seed,
        )
        return suggestion_table(self.predictions, found, [self.texts[one.row][:EXCERPT] for one in found])

    @cached_property
    def texts(self) -> list[str]:
        """What each row says: its text columns, or where there are none its tabular ones."""
        return row_texts(self.rows, self.state.spec.schema)

    @property
    def _has_text(self) -> bool:
        return bool(self.state.spec.schema.named(*WRITTEN))

    @cached_property
    def _probabilities(self) -> Float[np.ndarray, "n n_way"]:
        return np.exp(log_softmax(self.state.logits)).astype(np.float32)

    def _encode(self, rows: object, on_progress: OnProgress | None) -> tuple[Rows, Features]:
        dataset = open_any(rows).source.read()
        read = take_rows(dataset, self.state.spec.schema, labels={}, unique_ids=False)
        read = replace(read, frame=self.state.spec.cleaner.apply(read.frame).frame)
        features, failed = self.embedder.encode(read, on_progress)
        if self.state.filler is not None:
            features = self.state.filler.fill(features)
        for bad in (*dataset.quarantine, *failed):
            log.warning("%s%s: %s", bad.row_id, "" if bad.column is None else f", column '{bad.column}'", bad.reason)
        return read, features

    def _predictions(self, ids: pd.Index, logits: np.ndarray, p_values: np.ndarray) -> pd.DataFrame:
        return prediction_table(ids, self.classes, logits, p_values, self.state.settings.false_alarm)

    def _hits(self, embedding: Float[np.ndarray, " dim"], k: int, exclude: str | None = None) -> pd.DataFrame:
        hits = retrieve(self.index, embedding, k, exclude_id=exclude)
        return self._hit_table([(self._places[hit.row_id], hit.similarity) for hit in hits])

    def _hit_table(self, found: list[tuple[int, float]]) -> pd.DataFrame:
        texts = [self.texts[place][:EXCERPT] for place, _ in found]
        return hit_table(found, self.rows, self.predictions["label"], texts)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {text_key(row_id): place for place, row_id in enumerate(self.rows.ids)}

    def _place(self, row_id: object) -> int:
        key = text_key(row_id)
        if key not in self._places:
            shown = ", ".join(list(self._places)[:3])
            raise SchemaError(f"no row has the id '{key}'. The source's ids look like {shown}. Use one of them.")
        return self._places[key]
