"""What the command line prints: tables, summaries and the progress bar."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from metafuse.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

WIDTH_WITHOUT_TERMINAL = 120
CELL_WIDTH = 60


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar per stage on a terminal; nothing where stderr is none."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        bars: dict[str, Any] = {}

        def on_progress(stage: str, done: int, total: int) -> None:
            if stage not in bars:
                bars[stage] = progress.add_task(stage, total=total)
            progress.update(bars[stage], completed=done)

        yield on_progress


def print_summary(summary: Mapping[str, Any]) -> None:
    """Print facts by title: a mapping as a block of lines, a list of mappings as a table, a text as a line."""
    console = _stdout()
    for title, value in summary.items():
        if isinstance(value, Mapping):
            console.print(f"[bold]{title}[/bold]")
            for name, fact in value.items():
                console.print(f"  {name:<22} {_words(fact)}", markup=False, highlight=False)
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            console.print(f"[bold]{title}[/bold]")
            _print_rows(console, list(value[0]), [list(row.values()) for row in value])
        elif value not in (None, [], ""):
            text = "; ".join(map(str, value)) if isinstance(value, list) else _words(value)
            console.print(f"{title:<24} {text}", markup=False, highlight=False)


def print_table(frame: "pd.DataFrame") -> None:
    """Print a table, long cells shortened."""
    _print_rows(_stdout(), list(frame.columns), frame.to_numpy(dtype=object).tolist())


def write_table(frame: "pd.DataFrame", path: Path) -> None:
    """Write a table as CSV.

    Raises:
        ConfigError: the file cannot be written.
    """
    try:
        frame.to_csv(path, index=False)
    except OSError as err:
        raise ConfigError(f"'{path}' cannot be written ({err.strerror or err}). Choose another --out.") from err


def _stdout() -> Console:
    return Console(width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL)


def _print_rows(console: Console, names: list[str], rows: list[list[Any]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in names:
        table.add_column(str(name), overflow="fold")
    for row in rows:
        table.add_row(*(_escape(_cell(value)) for value in row))
    console.print(table, highlight=False)


def _words(value: Any) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:.3f}"  # noqa: PLR0124 - NaN is the one value unlike itself
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    return "" if value is None else " ".join(str(value).split())


def _cell(value: Any) -> str:
    text = _words(value)
    return text if len(text) <= CELL_WIDTH else text[: CELL_WIDTH - 1] + "…"


def _escape(text: str) -> str:
    return text.replace("[", r"\[")
