"""Render the results of `main_job.py` into README.md, between `<!-- results:main_job -->` and `<!-- /results -->`.

`python benchmarks/table.py` writes the table; `--check` writes nothing and exits 1 where the README differs.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from readme_block import fill_readme
from records import RESULTS, read_records

from metafuse.evaluation import mean_interval

MODALITIES = ("text", "image", "table")


@dataclass(frozen=True)
class Line:
    """One line of the table.

    Args:
        title: What was measured, in words; what, data, k_shot and metric find it in the records.
        target: In words.
        baselines: Names in the table and their metrics.
        unit: "%" for a share; "s" for the median and the range, "x" for two decimals; others stand behind the mean.
    """

    title: str
    what: str
    data: str
    k_shot: int
    metric: str
    target: str
    baselines: tuple[tuple[str, str], ...] = ()
    unit: str = "%"


def list_lines() -> list[Line]:
    """All lines, in the order of the table."""
    lines = []
    for name, title, targets in (
        ("banking77", "BANKING77", {"unseen": ("70", "82", "86"), "pool": ("73", "83", "86.5")}),
        ("clinc150", "CLINC150", {"unseen": ("78", "88", "91"), "pool": ("82", "89.5", "91.5")}),
    ):
        for rows, words in (("unseen", "unseen rows"), ("pool", "the pool's own rows")):
            for k, target in zip((1, 5, 10), targets[rows], strict=True):
                plain = (("LR", f"{rows}, logistic"), ("prototypes", f"{rows}, prototypes"))
                name_of_line = f"{title}, {words}, {shots(k)}"
                lines.append(Line(name_of_line, "intents", name, k, rows, f"≥ {target} %", plain))
    for metric, title, target in (
        ("AUROC", "out-of-scope AUROC", "≥ 96 %"),
        ("FPR95", "out-of-scope FPR95", "≤ 20 %"),
        ("false alarms", "real false alarms at a stated 5 %", "3-7 %"),
    ):
        plain = () if metric == "false alarms" else (("prototypes", f"{metric}, prototypes"),)
        lines.append(Line(f"CLINC150, {shots(10)}, {title}", "out_of_scope", "clinc150", 10, metric, target, plain))
    for name, title in (("luma_catalog", "luma"), ("appimage_catalog", "appimage"), ("emoji_catalog", "emoji")):
        for k in (1, 5, 10):
            plain = (*((each, each) for each in MODALITIES), ("all, LR", "fused, logistic"))
            lines.append(Line(f"{title}, fused, {shots(k)}", "catalogues", name, k, "fused", "", plain))
    warm, cold = ("warm_adapt", "banking77", 10), (("cold cache", "cold, seconds"),)
    lines.append(Line("second `adapt`, BANKING77, 2 cores", *warm, "warm, seconds", "≤ 10 s", cold, "s"))
    rate = (("its rows/s", "rows per second, plain"), ("ours", "rows per second"))
    speed = ("text_speed", "banking77", 0)
    lines.append(
        Line("text encoding, times as fast as sentence-transformers", *speed, "times as fast", "≥ 1.5", rate, "x")
    )
    lines.append(Line("the same, largest cosine distance", *speed, "largest cosine distance", "≤ 0.001", (), ""))
    for metric, title, target, unit in (
        ("purity 1", "first hidden reason, purity of its cluster", "found", "%"),
        ("recall 1", "first hidden reason, recall", "found", "%"),
        ("purity 2", "second hidden reason, purity of its cluster", "found", "%"),
        ("recall 2", "second hidden reason, recall", "found", "%"),
        ("anomalies in the top 20", "planted anomalies in the top 20", "8 of 8", ""),
        ("cold, seconds", "cold run, 2 cores", "≤ 60 s", "s"),
    ):
        rival = "isolation forest" if "anomalies" in metric else "k-means"
        plain = () if metric == "cold, seconds" else ((rival, f"{metric}, plain"),)
        lines.append(Line(f"new_dept, {title}", "new_dept", "new_dept", 0, metric, target, plain, unit))
    return lines


def shots(k: int) -> str:
    return f"{k} label{'s' if k > 1 else ''} a class"


def render(records: list[dict[str, Any]]) -> str:
    """Write the table in Markdown; settings without a record are left out."""
    found = {tuple(record["setting"].get(key, 0) for key in ("what", "set", "k_shot")): record for record in records}
    lines = ["| what | target | measured | plain baseline |", "|---|---|---|---|"]
    environments: dict[str, None] = {}
    for line in list_lines():
        record = found.get((line.what, line.data, line.k_shot))
        if record is None:
            continue
        metrics, environment = record["metrics"], record["environment"]
        baselines = [(name, metric) for name, metric in line.baselines if metric in metrics]
        plain = ", ".join(f"{name} {show(metrics[metric], line.unit)}" for name, metric in baselines)
        target, measured = line.target, show(metrics[line.metric], line.unit)
        if line.what == "catalogues":
            best = max((name for name in MODALITIES if name in metrics), key=lambda name: metrics[name]["mean"])
            lead = np.array(metrics["fused"]["values"]) - np.array(metrics[best]["values"])
            mean, half_width = mean_interval(lead)
            target = f"{best} - 0.5"
            measured += f"; {100 * mean:+.1f} ± {100 * half_width:.1f} against {best}"
        lines.append(f"| {line.title} | {target} | {measured} | {plain or '-'} |")
        environments[f"{environment['cpu']}, {environment['cores']} cores, {environment['threads']} threads"] = None
    lines += ["", f"Mean over draws ± 95 % interval; seconds: median and range. {'; '.join(environments)}."]
    return "\n".join(lines)


def show(metric: dict[str, Any], unit: str) -> str:
    if unit == "s":
        return "{1:.1f} s ({0:.1f} to {2:.1f})".format(*np.quantile(metric["values"], (0, 0.5, 1)))
    scale = 100 if unit == "%" else 1
    if unit == "x":
        return f"{metric['mean']:.2f} ± {metric['half_width']:.2f}" if metric["mean"] < 10 else f"{metric['mean']:.0f}"
    digits = 1 if scale * abs(metric["mean"]) >= 0.1 or metric["mean"] == 0 else 7
    spread = "" if metric["half_width"] is None else f" ± {scale * metric['half_width']:.{digits}f}"
    return f"{scale * metric['mean']:.{digits}f}{spread}{' ' + unit if unit else ''}"


def main() -> None:
    fill_readme("main_job", RESULTS / "main_job.jsonl", lambda path: render(read_records(path)), __doc__)


if __name__ == "__main__":
    main()
