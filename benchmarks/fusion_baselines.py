"""Plain fusions that every figure stands beside, and rows that lose modalities."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression

from metafuse.features import Features


def concatenate(features: Features, source: Features) -> np.ndarray:
    """Columns standardised on a source and put side by side, each of the same weight; zeros where one is missing."""
    blocks = []
    for column, matrix in features.matrices.items():
        known = source.matrices[column][source.present[column]]
        if len(known) and matrix.shape[1]:
            scale = np.sqrt(matrix.shape[1]) * np.maximum(known.std(axis=0), 1e-6)
            blocks.append(np.where(features.present[column][:, None], (matrix - known.mean(axis=0)) / scale, 0))
    return np.concatenate(blocks, axis=1)


def predict_logistic(support: np.ndarray, class_index: np.ndarray, rows: np.ndarray, n_way: int) -> np.ndarray:
    """Log-probabilities by logistic regression; classes without a labelled row get the share of chance."""
    found = np.full((len(rows), n_way), -np.log(n_way))
    classes = np.unique(class_index)
    if len(classes) > 1:
        found[:, classes] = LogisticRegression(C=10, max_iter=300).fit(support, class_index).predict_log_proba(rows)
    return found


def predict_concatenated(source: Features, class_index: np.ndarray, rows: Features) -> np.ndarray:
    """Logistic regression on columns side by side."""
    support, labelled = concatenate(source, source), class_index >= 0
    n_way = int(class_index.max()) + 1
    return predict_logistic(support[labelled], class_index[labelled], concatenate(rows, source), n_way)


def predict_summed(
    source: Features, class_index: np.ndarray, rows: Features, modalities: Mapping[str, Sequence[str]]
) -> np.ndarray:
    """Sum of log-probabilities of one logistic regression per modality, over the modalities that a row has."""
    total = np.zeros((len(rows), int(class_index.max()) + 1))
    for columns in modalities.values():
        own = source.columns(columns)
        support, asked = concatenate(own, own), concatenate(rows.columns(columns), own)
        known = (class_index >= 0) & support.any(axis=1)
        logs = predict_logistic(support[known], class_index[known], asked, total.shape[1])
        total += np.where(asked.any(axis=1)[:, None], logs, 0)
    return total


def remove_modalities(features: Features, modalities: Mapping[str, Sequence[str]], share: float, seed: int) -> Features:
    """Take a share of the modalities from rows at random; each row keeps one at least."""
    has = np.stack([_has_any(features, columns) for columns in modalities.values()], axis=1)
    drawn = np.random.default_rng(seed).random(has.shape)
    gone = drawn < share
    gone[np.arange(len(gone)), np.where(has, drawn, -1).argmax(axis=1)] = False
    present = dict(features.present)
    for place, columns in enumerate(modalities.values()):
        present |= {column: features.present[column] & ~gone[:, place] for column in columns}
    matrices = {
        column: np.where(present[column][:, None], matrix, np.float32(0))
        for column, matrix in features.matrices.items()
    }
    return Features(matrices, present, features.modalities)


def each_removal(
    source: Features, rows: Features, modalities: Mapping[str, Sequence[str]], shares: Sequence[float], seed: int
) -> Iterator[tuple[str, Features, Features]]:
    """Source and rows with modalities missing at support, at query and at both, under a name each."""
    for share in shares:
        less, fewer = (
            remove_modalities(whole, modalities, share, 2 * seed + place) for place, whole in enumerate((source, rows))
        )
        yield f"{share:.0%} at support", less, rows
        yield f"{share:.0%} at query", source, fewer
        yield f"{share:.0%} at both", less, fewer


def _has_any(features: Features, columns: Sequence[str]) -> np.ndarray:
    return np.any([features.present[column] for column in columns], axis=0)
