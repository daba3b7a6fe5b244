"""Ask a run."""

from pathlib import Path
from typing import Annotated

import typer

from metafuse.commands.base import AsJson, CacheDir, RunFolder, progress, table


def predict(
    rows: Annotated[str, typer.Argument(help="New rows: file, folder, URL or task name.")],
    run: RunFolder,
    out: Annotated[Path | None, typer.Option(help="CSV file to write instead of printing.")] = None,
    cache_dir: CacheDir = None,
    as_json: AsJson = False,
) -> None:
    """Label new rows: label, probability, is_unknown, p_value."""
    from metafuse.run import load

    with progress() as on_progress:
        predicted = load(run, cache_dir=cache_dir).predict(rows, on_progress=on_progress)
    table(predicted, as_json, out)


def search(
    run: RunFolder,
    text: Annotated[str | None, typer.Argument(help="Words to search for.")] = None,
    row: Annotated[str | None, typer.Option(help="Id of a row to find the like of.")] = None,
    image: Annotated[Path | None, typer.Option(help="Image file to find the like of.")] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="Number of results.")] = 10,
    cache_dir: CacheDir = None,
    as_json: AsJson = False,
) -> None:
    """Find rows by text, by a row's id or by an image."""
    from metafuse.run import load

    if sum(query is not None for query in (text, row, image)) != 1:
        raise typer.BadParameter("give one of: a text, --row or --image")
    loaded = load(run, cache_dir=cache_dir)
    table(
        loaded.retrieve_row(row, k=k) if row is not None else loaded.retrieve(text if text is not None else image, k=k),
        as_json,
    )


def cluster(
    run: RunFolder,
    n_clusters: Annotated[int | None, typer.Option(min=1, help="All clusters; estimated when not given.")] = None,
    out: Annotated[Path | None, typer.Option(help="CSV file for the cluster of every row.")] = None,
    as_json: AsJson = False,
) -> None:
    """Group the rows: known classes kept together, new groups found and named."""
    from metafuse.run import load

    loaded = load(run)
    table(loaded.cluster(n_clusters=n_clusters) if as_json or out else loaded.cluster_summary(n_clusters), as_json, out)


def anomalies(
    run: RunFolder, limit: Annotated[int, typer.Option(min=1, help="Number of rows.")] = 20, as_json: AsJson = False
) -> None:
    """List the strangest rows, with the reason."""
    from metafuse.run import load

    table(load(run).anomalies(limit=limit), as_json)


def suggest(
    run: RunFolder, n: Annotated[int, typer.Option("-n", min=1, help="Number of rows.")] = 20, as_json: AsJson = False
) -> None:
    """List the rows to label next, most useful first."""
    from metafuse.run import load

    table(load(run).suggest_labels(n=n), as_json)
