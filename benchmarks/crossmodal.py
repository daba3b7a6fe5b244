"""Finding pictures by words and words by pictures: `python benchmarks/crossmodal.py --data DIR`.

30 % of a catalogue's groups (a person and the same person with something in hand are one) are held out, all methods
learn from the pairs of the other rows without labels, and the held-out rows are searched among each other. Settings
are chosen within the rows learned from. "plain" is scikit-learn's CCA on the main directions of either side. "hubs
corrected" discounts what is near to everything among the held-out rows (CSLS), so it looks at all queries at once.
"""

import argparse
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from crossmodal_sets import Blocks, hold_out, read_blocks
from records import RESULTS, append_record
from sklearn.cross_decomposition import CCA
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning

from metafuse.crossmodal.cca import fit_cca
from metafuse.crossmodal.contrastive import fit_contrastive
from metafuse.crossmodal.hiding import split_rows
from metafuse.crossmodal.recall import mean_recall_at_10, recall_at
from metafuse.features import open_cache
from metafuse.fusion.early import equal_weights, fit_early_fusion, normalise
from metafuse.schema import Modality

HELD_OUT_SHARE = 0.3
Project = Callable[[np.ndarray], np.ndarray]
Fit = Callable[[np.ndarray, np.ndarray, int], tuple[Project, Project]]


def fit_plain(x: np.ndarray, y: np.ndarray, seed: int) -> tuple[Project, Project]:
    """CCA without a ridge on main directions, whose number is chosen on a fifth of the pairs."""
    fitted, held_out = split_rows(len(x), np.random.default_rng(seed))

    def judge(size: int) -> float:
        one, other = fit_directions(x[fitted], y[fitted], size)
        return mean_recall_at_10(one(x[held_out]) @ other(y[held_out]).T)

    return fit_directions(x, y, max((size for size in (10, 20, 40, 80) if size <= len(fitted) // 2), key=judge))


def fit_directions(x: np.ndarray, y: np.ndarray, size: int) -> tuple[Project, Project]:
    """As many main directions a side as canonical ones."""
    one, other = (PCA(size, random_state=0).fit(side) for side in (x, y))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = CCA(size, max_iter=200).fit(one.transform(x), other.transform(y))
    blank = np.zeros((1, size))
    return (
        lambda rows: normalise(model.transform(one.transform(rows))),
        lambda rows: normalise(model.transform(np.repeat(blank, len(rows), axis=0), other.transform(rows))[1]),
    )


def fit_ours(fit: Callable[..., object], **options: object) -> Fit:
    """Fit an aligner of the package."""

    def fitted(x: np.ndarray, y: np.ndarray, seed: int) -> tuple[Project, Project]:
        aligner = fit(x, y, seed=seed, **options)
        return aligner.project_x, aligner.project_y  # type: ignore[attr-defined]

    return fitted


METHODS: dict[str, Fit] = {
    "cca, plain": fit_plain,
    "cca": fit_ours(fit_cca),
    "cca, weighted": fit_ours(fit_cca, weighted=True),
    "contrastive": fit_ours(fit_contrastive),
    "contrastive, start only": fit_ours(fit_contrastive, steps=0),
}


def correct_hubs(similarity: np.ndarray, k: int = 10) -> np.ndarray:
    """Take the mean similarity to the nearest k from either side (Conneau et al. 2018, arXiv:1710.04087, eq. 2)."""
    queries = np.sort(similarity, axis=1)[:, -k:].mean(axis=1, keepdims=True)
    items = np.sort(similarity, axis=0)[-k:].mean(axis=0, keepdims=True)
    return 2 * similarity - queries - items


def measure(blocks: Blocks, seed: int, n_pairs: int | None) -> dict[str, float]:
    """Recall of every method on one draw."""
    sides = [
        [column for column, modality in blocks.features.modalities.items() if modality == wanted]
        for wanted in (Modality.TEXT, Modality.IMAGE)
    ]
    there = [np.any([blocks.features.present[column] for column in columns], axis=0) for columns in sides]
    rows = np.flatnonzero(there[0] & there[1])
    unseen = hold_out(blocks.groups[rows], HELD_OUT_SHARE, seed)
    taken = np.random.default_rng(seed).permutation(rows[~unseen])[:n_pairs]
    known, asked = blocks.features.take(np.sort(taken)), blocks.features.take(rows[unseen])
    fusions = [fit_early_fusion(known, equal_weights(known, columns)) for columns in sides]
    x, y = (fusion.forward(known) for fusion in fusions)
    found = {"n_queries": float(len(asked)), "n_pairs": float(len(known))}
    for name, fit in METHODS.items():
        project_x, project_y = fit(x, y, seed)
        similarity = project_x(fusions[0].forward(asked)) @ project_y(fusions[1].forward(asked)).T
        for suffix, each in (("", similarity), (", hubs corrected", correct_hubs(similarity))):
            for direction, table in (("text to image", each), ("image to text", each.T)):
                for k, share in recall_at(table).items():
                    found[f"{name}{suffix}, {direction}, recall@{k}"] = share
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the public sets")
    parser.add_argument("--set", default="emoji_catalog")
    parser.add_argument("--pairs", type=int, help="learn from so many pairs only")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--cache-dir", type=Path, help="feature cache")
    parser.add_argument("--results", type=Path, default=RESULTS / "fusion.jsonl")
    args = parser.parse_args()
    blocks = read_blocks(args.set, args.data, open_cache(args.cache_dir))
    draws = []
    for seed in range(args.draws):
        draws.append(measure(blocks, seed, args.pairs))
        print(seed, {name: round(value, 3) for name, value in draws[-1].items() if "@10" in name}, flush=True)
    command = f"python benchmarks/crossmodal.py --set {args.set} --data DIR"
    setting: dict[str, str | int] = {"what": "retrieval", "set": args.set}
    if args.pairs is not None:
        setting["pairs"] = args.pairs
        command += f" --pairs {args.pairs}"
    append_record(args.results, setting, draws, command=command)


if __name__ == "__main__":
    main()
