"""What commands share: the options several take, and how results are printed."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import pandas as pd

Source = Annotated[str, typer.Option(help="File, folder, URL, or the name of a task file.")]
RunFolder = Annotated[Path, typer.Option("--run", help="Folder that adapt wrote.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
CacheDir = Annotated[
    Path | None,
    typer.Option(envvar="METAFUSE_CACHE_DIR", help="Folder of the feature cache; the user's cache folder by default."),
]


def show(summary: dict[str, Any], as_json: bool) -> None:
    """Print facts by title."""
    if as_json:
        typer.echo(json.dumps(summary, ensure_ascii=False, indent=1, default=str))
        return
    from metafuse.console import print_summary

    print_summary(summary)


def table(frame: "pd.DataFrame", as_json: bool, out: Path | None = None) -> None:
    """Print a table, or write it to a CSV file."""
    if out is not None:
        from metafuse.console import write_table

        write_table(frame, out)
    elif as_json:
        typer.echo(frame.to_json(orient="records", force_ascii=False, indent=1, date_format="iso"))
    else:
        from metafuse.console import print_table

        print_table(frame)


def progress() -> Any:
    """Show a bar per stage on a terminal."""
    from metafuse.console import progress_bar

    return progress_bar()
