"""Render `results/meta_learning.jsonl` into README.md, between `<!-- results:meta_learning -->` and its end.

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
}
"""What was aimed at; a row without one has no target."""

UNITS = {"times": " x", "per second": "/s"}


def render(records: list[dict[str, Any]]) -> str:
    """Write the table in Markdown, rows in the order they were first measured."""
    lines = ["| what | target | measured | gain | beside it | protocol |", "|---|---|---|---|---|---|"]
    environments: dict[str, None] = {}
    for record in records:
        setting, metrics, environment = record["setting"], record["metrics"], record["environment"]
        unit = setting.get("unit", "%")
        beside = ", ".join(
            f"{name} {show(each, unit)}" for name, each in metrics.items() if name not in ("measured", "gain")
        )
        gain = show(metrics["gain"], unit, signed=True) if "gain" in metrics else "-"
        lines.append(
            f"| {setting['what']} | {TARGETS.get(setting['what'], setting.get('target', '-'))} "
            f"| {show(metrics['measured'], unit)} | {gain} | {beside or '-'} | {setting['protocol']} |"
        )
        environments[f"{environment['cpu']}, {environment['threads']} threads"] = None
    return "\n".join([*lines, "", f"Mean ± 95 % interval; shares in %. {'; '.join(environments)}."])


def show(metric: dict[str, Any], unit: str, *, signed: bool = False) -> str:
    """A mean with its interval; shares as points of a hundred."""
    scale, digits = (100, 1) if unit == "%" else (1, 2 if abs(metric["mean"]) < 100 else 0)
    value = f"{scale * metric['mean']:{'+' if signed else ''},.{digits}f}"
    spread = "" if metric["half_width"] is None else f" ± {scale * metric['half_width']:,.{digits}f}"
    return f"{value}{spread}{'' if unit == '%' else unit}"


def main() -> None:
    fill_readme("meta_learning", RESULTS / "meta_learning.jsonl", lambda path: render(read_records(path)), __doc__)


if __name__ == "__main__":
    main()
