"""Render `results/fusion.jsonl` into the README's block of results on modalities and fusion.

`python benchmarks/fusion_table.py` writes the tables; `--check` writes nothing and exits 1 where the README differs.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fusion_rows import KINDS, Record, mean_of, short
from readme_block import fill_readme
from records import RESULTS, read_records

REMOVED = ("30% at support", "30% at query", "30% at both", "60% at support", "60% at query", "60% at both")


def render(path: Path) -> str:
    """Write the tables in Markdown: all kinds, the falls where modalities are missing, and every NAB series."""
    records = read_records(path)
    lines = ["| what | target | measured | beside it |", "|---|---|---|---|"]
    for kind, rows in KINDS.items():
        found = sorted((each for each in records if each["setting"]["what"] == kind), key=_order)
        lines += [f"| {' | '.join(row)} |" for record in found for row in rows(record)]
    lines += ["", "Accuracy in % unless said, mean ± 95 % interval.", "", *_falls(records), "", *_every_series(records)]
    return "\n".join(lines)


def _order(record: Record) -> tuple[str, int]:
    return str(record["setting"].get("set", "")), int(record["setting"].get("k_shot", 0))


def _falls(records: list[dict[str, Any]]) -> Iterator[str]:
    yield f"| points lost, 5 labels: all modalities / early / plain concatenation | {' | '.join(REMOVED)} |"
    yield "|---|" + "---|" * len(REMOVED)
    for record in sorted((each for each in records if each["setting"]["what"] == "missing"), key=_order):
        cells = [
            " / ".join(
                f"{100 * (mean_of(record, f'{name}, complete') - mean_of(record, f'{name}, {removed}')):.1f}"
                for name in ("fused", "early", "concatenation")
            )
            for removed in REMOVED
        ]
        yield f"| {short(record['setting']['set'])} | {' | '.join(cells)} |"


def _every_series(records: list[dict[str, Any]]) -> Iterator[str]:
    yield "<details><summary>Every NAB series, scores averaged over 9 windows, AUROC / precision</summary>\n"
    yield "| series | metafuse | isolation forest |\n|---|---|---|"
    for record in sorted((each for each in records if each["setting"]["what"] == "nab"), key=_order):
        if record["setting"]["n_lasting"] == 9 and ": " not in record["setting"]["set"]:
            pair = [
                f"{100 * mean_of(record, f'auroc_{name}'):.1f} / {100 * mean_of(record, f'precision_{name}'):.1f}"
                for name in ("metafuse", "forest")
            ]
            yield f"| {record['setting']['set']} | {' | '.join(pair)} |"
    yield "\n</details>"


if __name__ == "__main__":
    fill_readme("fusion", RESULTS / "fusion.jsonl", render, __doc__)
