"""Look at a source, and adapt to it."""

from pathlib import Path
from typing import Annotated

import typer

from metafuse.commands.base import AsJson, CacheDir, Device, Source, progress, show


def inspect(
    source: Source,
    labels: Annotated[Path | None, typer.Option(help="Table of ids and labels.")] = None,
    label_column: Annotated[str | None, typer.Option(help="Column that holds the labels.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show each column's modality, the data's quality and what adapt would do. Trains nothing."""
    from metafuse.inspection import inspect as inspect_source

    show(inspect_source(source, labels, label_column=label_column), as_json)


def adapt(
    source: Source,
    labels: Annotated[
        Path | None, typer.Option(help="Table of ids and labels; else the source's own label column.")
    ] = None,
    label_column: Annotated[str | None, typer.Option(help="Column that holds the labels.")] = None,
    learner: Annotated[
        str | None, typer.Option(help="auto, prototypical, logistic, lda, propagation, or an episodic learner.")
    ] = None,
    base: Annotated[Path | None, typer.Option(help="Checkpoint of meta-train to start from.")] = None,
    false_alarm: Annotated[float | None, typer.Option(help="Share of known rows that may be called unknown.")] = None,
    seed: Annotated[int, typer.Option(help="Same inputs and seed, same result.")] = 0,
    device: Device = "auto",
    out: Annotated[Path | None, typer.Option(help="Folder to write; runs/NAME by default.")] = None,
    cache_dir: CacheDir = None,
    as_json: AsJson = False,
) -> None:
    """Adapt to a source: classifier, index, clusters, anomalies, what to label next, and a report."""
    from metafuse.pipeline import adapt as adapt_source
    from metafuse.pipeline import default_out

    folder = out or default_out(source)
    with progress() as on_progress:
        run = adapt_source(
            source, labels, label_column=label_column, learner=learner, base=base, false_alarm=false_alarm, seed=seed,
            device=device, out=folder, cache_dir=cache_dir, on_progress=on_progress,
        )  # fmt: skip
    written = {"run": str(folder), "report": str(folder / "report.html")}
    show((run.facts() if as_json else run.summary()) | written, as_json)
