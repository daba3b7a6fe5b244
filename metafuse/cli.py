"""The command line: its commands by name, and what becomes of their errors."""

import logging
import sys

import typer

from metafuse.commands.adapt import adapt, inspect
from metafuse.commands.ask import anomalies, cluster, predict, search, suggest
from metafuse.commands.data import data_fetch, data_list
from metafuse.commands.train import bench, meta_train
from metafuse.errors import MetafuseError

app = typer.Typer(
    help="Adapt a shared multimodal embedder to a new data source from a handful of labels.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for command in (inspect, adapt, predict, search, cluster, anomalies, suggest, meta_train, bench):
    app.command(command.__name__.replace("_", "-"))(command)
data = typer.Typer(help="Public data sets of the task files.", no_args_is_help=True)
data.command("list")(data_list)
data.command("fetch")(data_fetch)
app.add_typer(data, name="data")

STOPPED = 130
"""Exit code after Ctrl-C, as shells count it."""


def main() -> None:
    """Run the command line; a `MetafuseError` becomes a message and exit code 1, Ctrl-C one and 130."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("metafuse").setLevel(logging.INFO)
    try:
        app()
    except MetafuseError as err:
        typer.secho(f"error: {err}", err=True, fg="red")
        raise SystemExit(1) from None
    except (KeyboardInterrupt, SystemExit) as stop:
        if isinstance(stop, SystemExit) and stop.code != STOPPED:
            raise
        typer.secho("stopped; what was encoded is kept, and the next run goes on from there", err=True, fg="red")
        raise SystemExit(STOPPED) from None
