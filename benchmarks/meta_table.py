"""Render `results/meta_learning.jsonl` and `policy_training.jsonl` into the README's block of meta-learning results.

`python benchmarks/meta_table.py` writes the table; `--check` writes nothing and exits 1 where the README differs.
"""

from typing import Any

from readme_block import fill_readme
from records import RESULTS, read_records

TARGETS = {
    "Omniglot, 5-way 1-shot, prototypical": "98.8 ± 0.3 (paper)",
    "Omniglot, 5-way 5-shot, prototypical": "99.7 ± 0.3 (paper)",
    "Omniglot, 20-way 1-shot, prototypical": "96.0 ± 0.3 (paper)",
    "Omniglot, 20-way 5-shot, prototypical": "98.9 ± 0.3 (paper)",
    "Omniglot, 5-way 1-shot, MAML": "98.7 (paper)",
    "Omniglot within alphabet, 20-way 1-shot, the 20 original runs": "over 92.0",
    "CLINC150, 7 domains -> 45 intents of 3 others, 1 shot": "+1.5",
    "CLINC150, 7 domains -> 45 intents of 3 others, 5 shot": "no loss",
    "CLINC150 without banking -> BANKING77, 1 shot": "a gain",
    "CLINC150 without banking -> BANKING77, 5 shot": "no loss",
    "CLINC150 without banking -> BANKING77, 10 shot": "no loss",
    "loghub, mean of six systems left out, 1 shot": "a gain",
    "loghub, mean of six systems left out, 5 shot": "no loss",
    "MLP, handwritten, mean of 6 views, 2 splits, 1 shot": "better than from scratch",
    "MLP, handwritten, mean of 6 views, 2 splits, 5 shot": "better than from scratch",
    "1-D CNN, ts_ucr, mean of 4 sets, 5 shot": "better than from scratch",
    "adapt with a base checkpoint, mean of six families left out, 1 shot": "a gain, or it does not ship",
    "adapt with a base checkpoint, mean of six families left out, 5 shot": "a gain, or it does not ship",
}
"""What was aimed at; a row without one has no target."""


DETAILS = ("MLP, handwritten", "loghub", "1-D CNN, ts_ucr", "adapt with a base checkpoint")
"""Measured on each of several sets; the table shows their means, and the JSON lines all of them."""


def render(records: list[dict[str, Any]]) -> str:
    """Write the table in Markdown, rows in the order they were first measured."""
    lines = ["| what | target | measured | gain | beside it | protocol |", "|---|---|---|---|---|---|"]
    environments: dict[str, None] = {}
    for record in records:
        setting, metrics, environment = record["setting"], record["metrics"], record["environment"]
        if setting["what"].startswith(DETAILS) and "mean of" not in setting["what"]:
            continue
        unit = setting.get("unit", "%")
        beside = ", ".join(
            f"{name} {show(each, unit_of(name, unit))}"
            for name, each in metrics.items()
            if name not in ("measured", "gain")
        )
        gain = show(metrics["gain"], unit, signed=True) if "gain" in metrics else "-"
        lines.append(
            f"| {setting['what']} | {TARGETS.get(setting['what'], setting.get('target', '-'))} "
            f"| {show(metrics['measured'], unit)} | {gain} | {beside or '-'} | {setting['protocol']} |"
        )
        environments[f"{environment['cpu']}, {environment['threads']} threads"] = None
    return "\n".join([*lines, "", f"Mean ± 95 % interval; shares in %, gains in points. {'; '.join(environments)}."])


def render_policy(records: list[dict[str, Any]]) -> str:
    """Write the gains of the adaptation policy on families of sources left out of its fit, a column a label count."""
    gains = {
        (record["setting"]["family"], record["setting"]["k_shot"]): record["metrics"]["gain"]["mean"]
        for record in records
        if record["setting"]["what"] == "left out"
    }
    families, shots = sorted({family for family, _ in gains}), sorted({k for _, k in gains})
    lines = [
        f"| the policy of `auto`, family left out | {' | '.join(f'{k} a class' for k in shots)} |",
        f"|---|{'---|' * len(shots)}",
    ]
    lines += [f"| {name} | {' | '.join(f'{100 * gains[name, k]:+.1f}' for k in shots)} |" for name in families]
    means = [sum(gains[name, k] for name in families) / len(families) for k in shots]
    lines.append(f"| **mean** | {' | '.join(f'**{100 * mean:+.1f}**' for mean in means)} |")
    return "\n".join(
        [*lines, "", "Points against the constants it replaces, on episodes of sources it was not fitted to."]
    )


def unit_of(name: str, unit: str) -> str:
    """Unit of a figure beside the measured one, which may be a time or a rate."""
    return {"seconds": " s", "per second": "/s"}.get(
        name.rsplit(", ", maxsplit=1)[-1], "%" if "accuracy" in name else unit
    )


def show(metric: dict[str, Any], unit: str, *, signed: bool = False) -> str:
    """A mean with its interval; shares as points of a hundred."""
    if unit == "":
        return f"{metric['mean']:.0e}"
    scale, digits = (100, 1) if unit == "%" else (1, 3 if unit == " s" else 1 if abs(metric["mean"]) < 100 else 0)
    value = f"{scale * metric['mean']:{'+' if signed else ''},.{digits}f}"
    spread = "" if metric["half_width"] is None else f" ± {scale * metric['half_width']:,.{digits}f}"
    return f"{value}{spread}{'' if unit == '%' else unit}"


def main() -> None:
    policy = render_policy(read_records(RESULTS / "policy_training.jsonl"))
    results = RESULTS / "meta_learning.jsonl"
    fill_readme("meta_learning", results, lambda path: f"{render(read_records(path))}\n\n{policy}", __doc__)


if __name__ == "__main__":
    main()
