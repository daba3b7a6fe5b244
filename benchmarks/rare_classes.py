"""Features generated for classes with few labels, in the space of the blocks' codes, beside plain reweighting."""

from collections.abc import Mapping

import numpy as np
from crossmodal_sets import Blocks, draw_shots, hold_out
from sklearn.linear_model import LogisticRegression

from metafuse.crossmodal import TRANSLATORS
from metafuse.crossmodal.base import Codes
from metafuse.crossmodal.filling import encode_blocks, fit_filler
from metafuse.crossmodal.hiding import take_codes
from metafuse.fusion.early import normalise

UNSEEN_SHARE = 0.35
MANY, N_GENERATED, GENERATED_WEIGHT = 10, 10, 0.1


def measure_rare(blocks: Blocks, scenario: str, seed: int) -> Mapping[str, float]:
    """Accuracy on unseen rows of the rare classes, and of all, with and without generated features."""
    pool = ~hold_out(blocks.groups, UNSEEN_SHARE, seed)
    n_way = len(blocks.names)
    rare = np.random.default_rng(seed).permutation(n_way)[: n_way // 2]
    shots = {place: 1 if place in rare else MANY for place in range(n_way)}
    labelled = draw_shots(blocks.class_index, pool, shots, seed)
    filler = fit_filler(blocks.features.take(pool), method="mean", seed=seed)
    assert filler is not None
    codes = encode_blocks(blocks.features, filler.blocks)
    truth = blocks.class_index

    def judge(extra: np.ndarray, extra_class: np.ndarray, *, balanced: bool = True) -> tuple[float, float]:
        x = np.concatenate([codes.values[labelled], extra])
        weight = np.concatenate([np.ones(len(labelled)), np.full(len(extra), GENERATED_WEIGHT)])
        scale = np.sqrt(x.shape[1])
        target = np.concatenate([truth[labelled], extra_class])
        if balanced:
            totals = np.bincount(target, weights=weight, minlength=n_way)
            weight = weight * totals.mean() / totals[target]
        model = LogisticRegression(C=10, max_iter=1000).fit(x / scale, target, sample_weight=weight)
        right = model.predict(codes.values[~pool] / scale) == truth[~pool]
        return float(right[np.isin(truth[~pool], rare)].mean()), float(right.mean())

    wanted = np.repeat(rare, N_GENERATED)
    nothing = np.zeros((0, codes.values.shape[1]), dtype=np.float32)
    results = {"nothing added": judge(nothing, np.zeros(0, dtype=np.int64))}
    results["nothing added, classes not balanced"] = judge(nothing, np.zeros(0, dtype=np.int64), balanced=False)
    found = nearest_means(codes.values[labelled], truth[labelled], codes.values[~pool])
    right = found == truth[~pool]
    results["nearest class mean"] = float(right[np.isin(truth[~pool], rare)].mean()), float(right.mean())
    known = with_classes(codes, labelled, truth, n_way)
    for name in ("cvae", "cgan"):
        translator = TRANSLATORS.build(name, take_codes(known, np.flatnonzero(pool)), seed=seed)
        asked = only_classes(known, wanted, n_way)
        drawn = translator.draw(asked, seed=seed)[:, :-n_way]
        results[name] = judge(drawn, wanted)
        results[f"{name}, classes not balanced"] = judge(drawn, wanted, balanced=False)
    return {
        f"{name}, {part} classes": share
        for name, shares in results.items()
        for part, share in zip(("rare", "all"), shares, strict=True)
    }


def nearest_means(x: np.ndarray, class_index: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Class whose mean row has the largest cosine, which does not mind how many rows a class has."""
    means = np.stack([x[class_index == place].mean(axis=0) for place in range(class_index.max() + 1)])
    return (normalise(asked) @ normalise(means).T).argmax(axis=1)


def with_classes(codes: Codes, labelled: np.ndarray, class_index: np.ndarray, n_way: int) -> Codes:
    """Add the class as a block that labelled rows have, of the size of a code's values."""
    block = np.zeros((len(codes.values), n_way), dtype=np.float32)
    block[labelled, class_index[labelled]] = np.sqrt(n_way)
    there = np.zeros((len(codes.values), 1), dtype=bool)
    there[labelled] = True
    known = np.where(codes.known, codes.values, np.float32(0))
    return Codes(
        np.concatenate([known, block], axis=1), np.concatenate([codes.present, there], axis=1), (*codes.sizes, n_way)
    )


def only_classes(codes: Codes, classes: np.ndarray, n_way: int) -> Codes:
    """Rows that have nothing but a class."""
    values = np.zeros((len(classes), codes.values.shape[1]), dtype=np.float32)
    values[np.arange(len(classes)), -n_way + classes] = np.sqrt(n_way)
    present = np.zeros((len(classes), len(codes.sizes)), dtype=bool)
    present[:, -1] = True
    return Codes(values, present, codes.sizes)
