"""Fusion by attention over one token a column: what the `column_tokens` backbone has become, adapted to a source.

    e(x) = normalise( [ exp((trust * l_c(x) + d_c) / 2) * normalise(x_c - m_c) for each column c that x has ] )

l_c is the log-weight that meta-training on other sources gives column c of item x, 0 without a checkpoint; d_c is
fitted to the labels of this source (`column_weights`). What other sources taught counts as much as one label a class:
trust is one over the labels a class. With neither, this is the plain concatenation of all columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from metafuse.errors import ShapeError
from metafuse.features import Features
from metafuse.fusion.column_facts import column_facts, encode_names
from metafuse.fusion.column_weights import fit_column_weights
from metafuse.fusion.early import EarlyFusion, fit_early_fusion, normalise
from metafuse.fusion.plan import FusionPlan

FACT_ROWS = 2000
"""Rows of a source that its columns' facts are measured on."""


@dataclass(frozen=True)
class TokenWeigher:
    """The `column_tokens` backbone without torch.

    Args:
        weights: Its parameters, by their names there.
        n_heads: Of the attention.
        bound: Largest part of a log-weight that attention decides.
        law_rate: What the backbone multiplies the law of facts by.
    """

    weights: Mapping[str, np.ndarray]
    n_heads: int
    bound: float
    law_rate: float

    def log_weights(
        self,
        columns: Sequence[Float[np.ndarray, "n_items _"]],
        modalities: Sequence[str],
        facts: Float[np.ndarray, "n_columns n_facts"],
        names: Float[np.ndarray, "n_columns name_dim"],
    ) -> Float[np.ndarray, "n_items n_columns"]:
        """Weigh the columns of each item; 0 for a column it lacks and for a modality that has no token.

        Raises:
            ShapeError: a column has another dimension than in training.
        """
        has_token = np.array([f"kind.{modality}" in self.weights for modality in modalities])
        known = np.stack([x.any(axis=1) for x in columns], axis=1) & has_token
        content = [self._content(x, modality) for x, modality in zip(columns, modalities, strict=True)]
        tokens = np.stack(content, axis=1) + names @ self.weights["name"].T + facts @ self.weights["facts"].T
        tokens = tokens + self._attend(_standardise(tokens), known)
        score = np.tanh(_standardise(tokens) @ self.weights["hidden"].T) @ self.weights["out"]
        log_weight = np.where(known, self.bound * np.tanh(score) + self.law_rate * facts @ self.weights["law"], 0)
        mean = log_weight.sum(axis=1, keepdims=True) / np.maximum(known.sum(axis=1, keepdims=True), 1)
        return np.where(known, log_weight - mean, 0).astype(np.float32)

    def _content(self, x: Float[np.ndarray, "n_items dim"], modality: str) -> Float[np.ndarray, "n_items width"]:
        kind, project = self.weights.get(f"kind.{modality}"), self.weights.get(f"project.{modality}")
        if kind is None or project is None:
            alike = np.zeros_like(self.weights["out"]) if kind is None else kind
            return np.broadcast_to(alike, (len(x), len(alike)))
        if x.shape[1] != project.shape[1]:
            raise ShapeError(
                f"modality '{modality}': expected features of {project.shape[1]} dimensions, as the checkpoint was "
                f"trained on, got {x.shape[1]}. Use the encoder it was trained with."
            )
        return normalise(x) @ project.T + kind

    def _attend(
        self, tokens: Float[np.ndarray, "n_items n_columns width"], known: Bool[np.ndarray, "n_items n_columns"]
    ) -> Float[np.ndarray, "n_items n_columns width"]:
        shape = (*tokens.shape[:2], self.n_heads, -1)
        query, key, value = (
            (tokens @ self.weights[name].T).reshape(shape).transpose(0, 2, 1, 3) for name in ("query", "key", "value")
        )
        has_any = np.asarray(known.any(axis=1))
        masked = ~known[:, None, None, :] & has_any[:, None, None, None]
        likeness = np.where(masked, -np.inf, query @ key.transpose(0, 1, 3, 2) / np.sqrt(query.shape[-1]))
        share = np.exp(likeness - likeness.max(axis=-1, keepdims=True))
        share = share / share.sum(axis=-1, keepdims=True)
        return (share @ value).transpose(0, 2, 1, 3).reshape(tokens.shape) @ self.weights["mix"].T


@dataclass(frozen=True)
class AttentionFusion:
    """Concatenates columns under weights that depend on the item.

    Args:
        fusion: Centres and concatenates the columns, all with the same weight.
        modalities: Of each column, in its order.
        shifts: Log-weight of each column, fitted to the labels.
        weigher: What meta-training taught; None for nothing.
        trust: What its log-weights are multiplied by.
        facts: Of each column, in this source.
        names: Embedding of each column's name.
    """

    fusion: EarlyFusion
    modalities: tuple[str, ...]
    shifts: Float[np.ndarray, " n_columns"]
    weigher: TokenWeigher | None
    trust: float
    facts: Float[np.ndarray, "n_columns n_facts"]
    names: Float[np.ndarray, "n_columns name_dim"]

    def forward(self, features: Features) -> Float[np.ndarray, "n_items dim"]:
        """Fuse the columns of each item; float32, L2-normalised, zero where an item has none of them."""
        embedding = self.fusion.forward(features)
        columns = split_columns(self.fusion, embedding)
        weight = np.exp((self.log_weights(columns) + self.shifts) / 2)
        for place, block in enumerate(columns.values()):
            # In place, a view of the embedding: with 100,000 rows a copy is half a gigabyte.
            np.multiply(block, weight[:, [place]], out=block)
        return normalise(embedding)

    def log_weights(self, columns: Mapping[str, Float[np.ndarray, "n_items _"]]) -> Float[np.ndarray, "n_items _"]:
        """Compute what meta-training says of each column of each item."""
        if self.weigher is None:
            return np.zeros((len(next(iter(columns.values()))), len(columns)), dtype=np.float32)
        found = self.weigher.log_weights(list(columns.values()), self.modalities, self.facts, self.names)
        return np.float32(self.trust) * found


def fit_attention_fusion(
    features: Features,
    class_index: Int[np.ndarray, " n_items"],
    *,
    weigher: TokenWeigher | None = None,
    names: Float[np.ndarray, "n_columns name_dim"] | None = None,
    seed: int = 0,
) -> AttentionFusion:
    """Fuse all columns of a source, weighed by what other sources taught and by its own labels.

    Args:
        features: All rows.
        class_index: Class of each row, -1 where unlabelled.
        weigher: What meta-training taught; None to start from plain concatenation.
        names: Embeddings of the names of the columns that hold something, in their order; of their words when None.
        seed: Draws the rows that facts are measured on.
    """
    kept = [name for name, matrix in features.matrices.items() if features.present[name].any() and matrix.shape[1]]
    fusion = fit_early_fusion(features, dict.fromkeys(kept, 1.0))
    labelled = np.flatnonzero(class_index >= 0)
    facts, words = np.zeros((len(kept), 0), dtype=np.float32), np.zeros((len(kept), 0), dtype=np.float32)
    if weigher is not None:
        drawn = np.sort(np.random.default_rng(seed).permutation(len(features))[:FACT_ROWS])
        facts = column_facts(split_columns(fusion, fusion.forward(features.take(drawn))), seed=seed)
        words = encode_names(kept) if names is None else names
    n_classes = len(np.unique(class_index[labelled]))
    plain = AttentionFusion(
        fusion, tuple(str(features.modalities[name]) for name in kept), np.zeros(len(kept), dtype=np.float32), weigher,
        n_classes / max(len(labelled), 1), facts, words,
    )  # fmt: skip
    columns = split_columns(fusion, fusion.forward(features.take(labelled)))
    start = np.exp(plain.log_weights(columns) / 2)
    blocks = [x * start[:, [at]] for at, x in enumerate(columns.values())]
    shifts = fit_column_weights(blocks, class_index[labelled], seed=seed)
    return AttentionFusion(fusion, plain.modalities, shifts, weigher, plain.trust, facts, words)


def attention() -> FusionPlan:
    """One expert, on all columns weighed by attention and by the source's own labels."""
    return FusionPlan(by_modality=False, attention=True)


def split_columns(
    fusion: EarlyFusion, embedding: Float[np.ndarray, "n_items dim"]
) -> dict[str, Float[np.ndarray, "n_items _"]]:
    """Cut a fusion's embeddings into their columns, as views of them."""
    ends = np.cumsum([len(fusion.means[name]) for name in fusion.columns])
    return dict(zip(fusion.columns, np.split(embedding, ends[:-1], axis=1), strict=True))


def _standardise(tokens: Float[np.ndarray, "n_items n_columns width"]) -> Float[np.ndarray, "n_items n_columns width"]:
    centred = tokens - tokens.mean(axis=-1, keepdims=True)
    return centred / np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + 1e-5)
