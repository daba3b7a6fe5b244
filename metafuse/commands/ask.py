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
    from metafuse.loading import load

    with progress() as on_progress:
        predicted = load(run, cache_dir=cache_dir).predict(rows, on_progress=on_progress)
    table(predicted, as_json, out)


def search(
    run: RunFolder,
    text: Annotated[str | None, typer.Argument(help="Words to search for.")] = None,
    row: Annotated[str | None, typer.Option(help="Id of a row to find the like of.")] = None,
    image: Annotated[Path | None, typer.Option(help="Image file to find the like of.")] = None,
    sound: Annotated[Path | None, typer.Option(help="Sound file to find the like of.")] = None,
    to: Annotated[
        str | None, typer.Option(help="text, image or audio: compare rows by that modality alone, across modalities.")
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="Number of results.")] = 10,
    cache_dir: CacheDir = None,
    as_json: AsJson = False,
) -> None:
    """Find rows by text, by a row's id, by an image or by a sound."""
    from metafuse.loading import load
    from metafuse.query import kind_of_file
    from metafuse.schema import Modality

    if sum(query is not None for query in (text, row, image, sound)) != 1:
        raise typer.BadParameter("give one of: a text, --row, --image or --sound")
    if row is not None and to is not None:
        raise typer.BadParameter("--to goes with a text, --image or --sound")
    for file, kind in ((image, Modality.IMAGE), (sound, Modality.AUDIO)):
        if file is not None and kind_of_file(file) is not kind:
            raise typer.BadParameter(f"'{file}' does not end as {'an image' if kind is Modality.IMAGE else 'a sound'}")
    loaded = load(run, cache_dir=cache_dir)
    table(
        loaded.retrieve_row(row, k=k)
        if row is not None
        else loaded.retrieve(next(query for query in (text, image, sound) if query is not None), k=k, to=to),
        as_json,
    )


def cluster(
    run: RunFolder,
    n_clusters: Annotated[int | None, typer.Option(min=1, help="All clusters; estimated when not given.")] = None,
    out: Annotated[Path | None, typer.Option(help="CSV file for the cluster of every row.")] = None,
    as_json: AsJson = False,
) -> None:
    """Group the rows: known classes kept together, new groups found and named."""
    from metafuse.loading import load

    loaded = load(run)
    table(loaded.cluster(n_clusters=n_clusters) if as_json or out else loaded.cluster_summary(n_clusters), as_json, out)


def anomalies(
    run: RunFolder, limit: Annotated[int, typer.Option(min=1, help="Number of rows.")] = 20, as_json: AsJson = False
) -> None:
    """List the strangest rows, with the reason."""
    from metafuse.loading import load

    table(load(run).anomalies(limit=limit), as_json)


def suggest(
    run: RunFolder, n: Annotated[int, typer.Option("-n", min=1, help="Number of rows.")] = 20, as_json: AsJson = False
) -> None:
    """List the rows to label next, most useful first."""
    from metafuse.loading import load

    table(load(run).suggest_labels(n=n), as_json)
