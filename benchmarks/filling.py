"""Gaps filled and rare classes enlarged: `python benchmarks/filling.py WHAT --data DIR`, WHAT filling or rare_classes.

filling: one modality of a row, drawn at random, is removed from half of all rows ("half") or from all rows asked for
("asked"). Translators learn from the rows of the source alone, what was removed from them being removed. Logistic
regression on the blocks side by side, 5 labels a class, beside the zeros and the mean of a block; then
`adapt_features`, which leaves out what is not there, with and without filling. "best" is the translator with the
least error on held-out rows of the source.

rare_classes: half of the classes have one label and the others 10; generated features are added to the former, drawn
given the class as a further block.
"""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from crossmodal_sets import SETS, Blocks, draw_shots, hold_out, read_blocks
from rare_classes import measure_rare
from records import RESULTS, append_record
from sklearn.linear_model import LogisticRegression

from metafuse.adaptation import adapt_features
from metafuse.crossmodal import TRANSLATORS
from metafuse.crossmodal.filling import fit_filler
from metafuse.crossmodal.hiding import hidden_error, hide_blocks, split_rows, take_codes
from metafuse.features import Features, open_cache

UNSEEN_SHARE, K_SHOT = 0.35, 5


def remove_modalities(features: Features, rows: np.ndarray, seed: int) -> Features:
    """Remove one modality at random (all its blocks; a view is one of its own) from rows that have another."""
    random = np.random.default_rng(seed)
    kinds = {key: key if kind == "vector" else str(kind) for key, kind in features.modalities.items()}
    names = sorted(set(kinds.values()))
    has = np.stack([np.any([features.present[k] for k in kinds if kinds[k] == name], axis=0) for name in names], axis=1)
    drawn = np.where(has, random.random(has.shape), -1).argmax(axis=1)
    removed = rows & (has.sum(axis=1) >= 2)
    present = {key: features.present[key] & ~(removed & (drawn == names.index(kinds[key]))) for key in kinds}
    matrices = {key: np.where(present[key][:, None], features.matrices[key], np.float32(0)) for key in kinds}
    return Features(matrices, present, features.modalities)


def side_by_side(features: Features, pool: np.ndarray) -> np.ndarray:
    """Blocks in a row, each of mean square length one over the pool."""
    parts = []
    for key, matrix in features.matrices.items():
        own = pool & features.present[key]
        parts.append(matrix / np.sqrt(max(np.square(matrix[own]).sum() / max(own.sum(), 1), 1e-12)))
    return np.concatenate(parts, axis=1)


def judge(features: Features, blocks: Blocks, pool: np.ndarray, labelled: np.ndarray) -> float:
    """Accuracy of logistic regression on unseen rows."""
    x = side_by_side(features, pool)
    model = LogisticRegression(C=10, max_iter=1000).fit(x[labelled], blocks.class_index[labelled])
    return float(np.mean(model.predict(x[~pool]) == blocks.class_index[~pool]))


def judge_adapted(features: Features, blocks: Blocks, pool: np.ndarray, labelled: np.ndarray, seed: int) -> float:
    """Accuracy of `adapt_features` on unseen rows."""
    known = np.full(len(features), -1)
    known[labelled] = blocks.class_index[labelled]
    adapted = adapt_features(
        features.take(pool), known[pool], class_shots=None, learner="auto", fusion="auto", seed=seed, device="cpu"
    )
    return float(np.mean(adapted.logits(features.take(~pool)).argmax(axis=1) == blocks.class_index[~pool]))


def measure_filling(blocks: Blocks, scenario: str, seed: int) -> Mapping[str, float]:
    """Accuracy with gaps as they are, and filled by each translator."""
    pool = ~hold_out(blocks.groups, UNSEEN_SHARE, seed)
    random = np.random.default_rng(seed + 1)
    rows = random.random(len(pool)) < 0.5 if scenario == "half" else ~pool
    features = remove_modalities(blocks.features, rows, seed + 2)
    shots = dict.fromkeys(np.unique(blocks.class_index).tolist(), K_SHOT)
    labelled = draw_shots(blocks.class_index, pool, shots, seed)
    found = {"complete": judge(blocks.features, blocks, pool, labelled)}
    found["zeros"] = judge(features, blocks, pool, labelled)
    errors, filled = {}, {}
    mean = fit_filler(features.take(pool), method="mean", seed=seed)
    assert mean is not None
    codes = mean.encode(features.take(pool))
    codes = take_codes(codes, np.flatnonzero(codes.present.sum(axis=1) >= 2))
    fitted, held_out = (take_codes(codes, rows) for rows in split_rows(len(codes.values), random))
    given = hide_blocks(held_out, random)
    for name in TRANSLATORS.names():
        translator = TRANSLATORS.build(name, fitted, seed=seed)
        filled[name] = replace(mean, translator=translator).fill(features)
        errors[name] = hidden_error(translator, held_out, given)
        found[name] = judge(filled[name], blocks, pool, labelled)
        found[f"{name}, error"] = errors[name]
    best = min(errors, key=lambda name: errors[name])
    found["best"] = found[best]
    found["adapted, gaps left out"] = judge_adapted(features, blocks, pool, labelled, seed)
    found["adapted, filled by the best"] = judge_adapted(filled[best], blocks, pool, labelled, seed)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["filling", "rare_classes"])
    parser.add_argument("--data", type=Path, required=True, help="folder of the public sets")
    parser.add_argument("--set", help="only this set")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--cache-dir", type=Path, help="feature cache")
    parser.add_argument("--results", type=Path, default=RESULTS / "fusion.jsonl")
    args = parser.parse_args()
    for name in SETS if args.set is None else [args.set]:
        blocks = read_blocks(name, args.data, open_cache(args.cache_dir))
        for scenario in ("half", "asked") if args.what == "filling" else ("one label",):
            draws = []
            for seed in range(args.draws):
                measure = measure_filling if args.what == "filling" else measure_rare
                draws.append(dict(measure(blocks, scenario, seed)))
                print(name, scenario, seed, {key: round(value, 3) for key, value in draws[-1].items()}, flush=True)
            setting = {"what": args.what, "set": name, "scenario": scenario}
            append_record(args.results, setting, draws, command=f"python benchmarks/filling.py {args.what} --data DIR")


if __name__ == "__main__":
    main()
