"""The most telling words of each cluster.

Class-based TF-IDF: a word's share in a cluster times log(1 + A / f), where f counts the word in all clusters and A is
the mean number of words a cluster has. Deviation: a word counts once per text, so that one long text does not name
its cluster.

Reference: Grootendorst 2022, "BERTopic: Neural topic modeling with a class-based TF-IDF procedure",
arXiv:2203.05794, section 3.3.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

MIN_TEXTS = 2
"""Texts of a cluster that must share a word before it can name the cluster."""


def telling_words(
    texts: Sequence[str], assignment: Int[np.ndarray, " n"], n_clusters: int, n_words: int = 5
) -> list[tuple[str, ...]]:
    """Name the words that set each cluster apart, most telling first.

    Args:
        texts: One per row; an empty one where the row has none.
        assignment: Cluster of each row; rows below 0 are left out.
        n_clusters: Number of clusters.
        n_words: Words wanted per cluster.
    Returns:
        The words of each cluster; none for a cluster without two texts that share a word.
    """
    from scipy.sparse import csr_array
    from sklearn.feature_extraction.text import CountVectorizer

    rows = [at for at in range(len(texts)) if assignment[at] >= 0 and texts[at].strip()]
    vectorizer = CountVectorizer(stop_words="english", binary=True, token_pattern=r"(?u)\b[^\W\d]\w{2,}\b")
    try:
        occurs = vectorizer.fit_transform([texts[at] for at in rows])
    except ValueError:  # no word is left in any text: digits, stop words or nothing at all
        return [()] * n_clusters
    belongs = csr_array((np.ones(len(rows)), (assignment[rows], np.arange(len(rows)))), shape=(n_clusters, len(rows)))
    counts = (belongs @ occurs).toarray()
    per_cluster = counts.sum(axis=1, keepdims=True)
    weights = counts / np.maximum(per_cluster, 1) * np.log1p(per_cluster.mean() / counts.sum(axis=0))
    vocabulary = vectorizer.get_feature_names_out()
    best = np.argsort(-weights, axis=1, kind="stable")[:, :n_words]
    return [
        tuple(str(vocabulary[word]) for word in best[cluster] if counts[cluster, word] >= MIN_TEXTS)
        for cluster in range(n_clusters)
    ]
