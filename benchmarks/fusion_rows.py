"""Lines of the README's table of modalities and fusion, one function a kind of record."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from metafuse.evaluation import mean_interval

Record = Mapping[str, Any]
Rows = Iterator[tuple[str, str, str, str]]
"""What, target, measured, and what stands beside it."""

SHORT = {
    "luma_catalog": "luma", "emoji_catalog": "emoji", "appimage_catalog": "appimage",
    "emoji_subgroups": "emoji, 57 subgroups",
}  # fmt: skip


def short(name: str) -> str:
    """Name of a set as the tables call it; what follows it stays."""
    first, _, rest = name.partition(" ")
    return f"{SHORT.get(first, first)} {rest}".strip()


def labels(setting: Mapping[str, Any]) -> str:
    """Labels a class, in words."""
    return "1 label a class" if setting["k_shot"] == 1 else f"{setting['k_shot']} labels a class"


def share(record: Record, metric: str, sign: str = "") -> str:
    """Mean and half-width of a share, in %."""
    found = record["metrics"][metric]
    half = "" if found["half_width"] is None else f" ± {100 * found['half_width']:.1f}"
    return f"{100 * found['mean']:{sign}.1f}{half}"


def gain(record: Record, metric: str, other: str) -> str:
    """Paired difference of two shares, in points."""
    first, second = (np.array(record["metrics"][name]["values"]) for name in (metric, other))
    mean, half = mean_interval(100 * (first - second))
    return f"{mean:+.1f} ± {half:.1f}"


def mean_of(record: Record, metric: str) -> float:
    """Mean of a metric."""
    return float(record["metrics"][metric]["mean"])


def modalities(record: Record) -> Rows:
    setting, names = record["setting"], record["metrics"]
    alone = [name for name in names if name.endswith(" alone")]
    best = max(alone, key=lambda name: mean_of(record, name))
    target = "≥ best alone - 0.5" if setting["set"] == "appimage_catalog" else "> best alone"
    beside = [f"{name} {share(record, name)}" for name in (best, "sum of log-probabilities", "concatenation")]
    what = f"{short(setting['set'])}, all modalities, {labels(setting)}"
    measured = f"{share(record, 'fused')}; {gain(record, 'fused', best)} against {best}"
    yield what, target, measured, ", ".join(beside)


def column_tokens(record: Record) -> Rows:
    setting = record["setting"]
    plain = max(("columns alike", "modalities alike"), key=lambda name: mean_of(record, name))
    what = f"column tokens, {short(setting['set'])}, {labels(setting)}"
    beside = f"plain concatenation {share(record, plain)}, before meta-training {share(record, 'before meta-training')}"
    yield what, "> plain concatenation", f"{share(record, 'measured')}; {share(record, 'gain', '+')} points", beside


def retrieval(record: Record) -> Rows:
    if "pairs" in record["setting"]:
        return
    for way in ("text to image", "image to text"):
        recalls = ", ".join(f"@{k} {share(record, f'contrastive, {way}, recall@{k}')}" for k in (1, 5, 10))
        ten = {name: mean_of(record, f"{name}, {way}, recall@10") for name in ("contrastive", "cca, plain", "cca")}
        times = ", ".join(f"{ten['contrastive'] / ten[name]:.2f} x" for name in ("cca, plain", "cca"))
        beside = ", ".join(
            f"{words} {share(record, f'{name}, {way}, recall@10')}"
            for name, words in (("cca, plain", "scikit-learn's CCA"), ("cca", "CCA with validated ridges"))
        )
        yield f"emoji, {way}, held-out rows, recall", "@10 1.5 x CCA", f"{recalls}; {times}", f"recall@10: {beside}"


def filling(record: Record) -> Rows:
    if record["setting"]["scenario"] != "half":
        return
    errors = {name.removesuffix(", error"): mean_of(record, name) for name in record["metrics"] if "error" in name}
    best = min(errors, key=lambda name: errors[name])
    beside = ", ".join(f"{name} {share(record, name)}" for name in ("zeros", "mean", "complete"))
    what = f"{short(record['setting']['set'])}, one modality missing in half of the rows, filled"
    measured = f"{share(record, best)} ({best}); {gain(record, best, 'mean')} against the mean"
    yield what, "> zeros, > mean", measured, beside


def sound(record: Record) -> Rows:
    others = ("logistic on MFCC statistics", "logistic on the encoder's features")
    beside = ", ".join(f"{name} {share(record, name)}" for name in others)
    what = f"FSDD, speaker held out ({record['setting']['held_out']}), 5 labels a digit"
    yield what, "+3 points", f"{share(record, 'metafuse')}; {share(record, 'gain', '+')} points", beside


def series(record: Record) -> Rows:
    others = {"dtw": "1-NN DTW", "dtw_window": "1-NN DTW, 10 % window"}
    beside = ", ".join(f"{words} {share(record, name)}" for name, words in others.items())
    yield f"{record['setting']['set']}, 5 labels a class", "> 1-NN DTW on average", share(record, "metafuse"), beside


def windows(record: Record) -> Rows:
    setting = record["setting"]
    if ": " not in setting["set"]:
        return
    averaged = f"scores averaged over {setting['n_lasting']} windows" if setting["n_lasting"] > 1 else "no averaging"
    measured, *others = (
        f"{share(record, f'auroc_{name}')} / {share(record, f'precision_{name}')}"
        for name in ("metafuse", "forest", "forest_same_features")
    )
    beside = f"isolation forest {others[0]}, the same on metafuse's features {others[1]}"
    yield f"NAB, {setting['set']}, {averaged}, AUROC / precision", "> isolation forest", measured, beside


def large(record: Record) -> Rows:
    names = ("seconds, without the report", "seconds", "peak memory, GiB")
    adapted, whole, memory = (
        f"{np.median(values):.3g} ({min(values):.3g} to {max(values):.3g})"
        for values in (record["metrics"][name]["values"] for name in names)
    )
    what = f"{record['setting']['set']}: text, image, 20 columns, cached, `adapt` on 2 cores"
    measured = f"{adapted} s, with start and report {whole} s, {memory} GiB"
    yield what, "< 60 s, 4 GiB", measured, f"accuracy on the pool {share(record, 'pool accuracy')}"


KINDS: Mapping[str, Callable[[Record], Rows]] = {
    "modalities": modalities, "column_tokens": column_tokens, "retrieval": retrieval, "filling": filling,
    "fsdd": sound, "series": series, "nab": windows, "large_source": large,
}  # fmt: skip
