"""Public data sets of the task files."""

import json
from pathlib import Path
from typing import Annotated

import typer

from metafuse.commands.base import AsJson, table


def data_list(as_json: AsJson = False) -> None:
    """List the task files and whether their data is here."""
    from metafuse.public_data import list_data

    table(list_data(), as_json)


def data_fetch(
    name: Annotated[str, typer.Argument(help="Name of a task file.")],
    from_folder: Annotated[Path | None, typer.Option("--from", help="Take the files from this folder.")] = None,
    as_json: AsJson = False,
) -> None:
    """Get a task's public data set and check its bytes."""
    from metafuse.public_data import fetch_data

    paths = [str(path) for path in fetch_data(name, from_folder)]
    typer.echo(json.dumps(paths, ensure_ascii=False) if as_json else "\n".join(paths))
