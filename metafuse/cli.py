"""The command line: parse, call one function, print. Results go to stdout, progress and errors to stderr."""

import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metafuse.errors import MetafuseError

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer(
    help="Adapt a shared multimodal embedder to a new data source from a handful of labels.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
data = typer.Typer(help="Public data sets of the task files.", no_args_is_help=True)
app.add_typer(data, name="data")

STOPPED = 130
"""Exit code after Ctrl-C, as shells count it."""

Source = Annotated[str, typer.Option(help="File, folder, URL, or the name of a task file.")]
RunFolder = Annotated[Path, typer.Option("--run", help="Folder that adapt wrote.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
CacheDir = Annotated[
    Path | None,
    typer.Option(envvar="METAFUSE_CACHE_DIR", help="Folder of the feature cache; the user's cache folder by default."),
]


@app.command()
def inspect(
    source: Source,
    labels: Annotated[Path | None, typer.Option(help="Table of ids and labels.")] = None,
    label_column: Annotated[str | None, typer.Option(help="Column that holds the labels.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show each column's modality, the data's quality and what adapt would do. Trains nothing."""
    from metafuse.inspection import inspect as inspect_source

    _show(inspect_source(source, labels, label_column=label_column), as_json)


@app.command()
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
    with _progress() as on_progress:
        run = adapt_source(
            source, labels, label_column=label_column, learner=learner, base=base, false_alarm=false_alarm, seed=seed,
            device=device, out=folder, cache_dir=cache_dir, on_progress=on_progress,
        )  # fmt: skip
    written = {"run": str(folder), "report": str(folder / "report.html")}
    _show((run.facts() if as_json else run.summary()) | written, as_json)


@app.command()
def predict(
    rows: Annotated[str, typer.Argument(help="New rows: file, folder, URL or task name.")],
    run: RunFolder,
    out: Annotated[Path | None, typer.Option(help="CSV file to write instead of printing.")] = None,
    cache_dir: CacheDir = None,
    as_json: AsJson = False,
) -> None:
    """Label new rows: label, probability, is_unknown, p_value."""
    from metafuse.run import load

    with _progress() as on_progress:
        predicted = load(run, cache_dir=cache_dir).predict(rows, on_progress=on_progress)
    _table(predicted, as_json, out)


@app.command()
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
    _table(
        loaded.retrieve_row(row, k=k) if row is not None else loaded.retrieve(text if text is not None else image, k=k),
        as_json,
    )


@app.command()
def cluster(
    run: RunFolder,
    n_clusters: Annotated[int | None, typer.Option(min=1, help="All clusters; estimated when not given.")] = None,
    out: Annotated[Path | None, typer.Option(help="CSV file for the cluster of every row.")] = None,
    as_json: AsJson = False,
) -> None:
    """Group the rows: known classes kept together, new groups found and named."""
    from metafuse.run import load

    loaded = load(run)
    _table(
        loaded.cluster(n_clusters=n_clusters) if as_json or out else loaded.cluster_summary(n_clusters), as_json, out
    )


@app.command()
def anomalies(
    run: RunFolder, limit: Annotated[int, typer.Option(min=1, help="Number of rows.")] = 20, as_json: AsJson = False
) -> None:
    """List the strangest rows, with the reason."""
    from metafuse.run import load

    _table(load(run).anomalies(limit=limit), as_json)


@app.command()
def suggest(
    run: RunFolder, n: Annotated[int, typer.Option("-n", min=1, help="Number of rows.")] = 20, as_json: AsJson = False
) -> None:
    """List the rows to label next, most useful first."""
    from metafuse.run import load

    _table(load(run).suggest_labels(n=n), as_json)


@app.command("meta-train")
def meta_train(
    tasks: Annotated[list[str], typer.Argument(help="Sources with labels: task names, files, folders, URLs.")],
    learner: Annotated[str, typer.Option(help="Episodic learner: prototypical, ridge, maml, ...")],
    out: Annotated[Path, typer.Option(help="Folder of the checkpoint.")],
    backbone: Annotated[
        str, typer.Option(help="columns (frozen features), or conv4, resnet12 (raw images).")
    ] = "columns",
    learner_option: Annotated[list[str], typer.Option(help="NAME=VALUE for the learner; repeat it.")] = [],  # noqa: B006
    backbone_option: Annotated[list[str], typer.Option(help="NAME=VALUE for the backbone; repeat it.")] = [],  # noqa: B006
    n_way: Annotated[int | None, typer.Option(help="Classes of an episode; the first task file's by default.")] = None,
    k_shot: Annotated[int | None, typer.Option(help="Support items per class.")] = None,
    n_query: Annotated[int | None, typer.Option(help="Query items per class.")] = None,
    within_group: Annotated[bool | None, typer.Option(help="All classes of an episode from one group.")] = None,
    outer_steps: Annotated[int, typer.Option(help="Steps at most.")] = 2000,
    outer_lr: Annotated[float, typer.Option(help="Learning rate at the start.")] = 1e-3,
    n_tasks: Annotated[int, typer.Option(help="Episodes a step.")] = 8,
    pull: Annotated[float, typer.Option(help="Pull to the plain features; of the columns backbone only.")] = 0.0,
    eval_every: Annotated[int, typer.Option(help="Steps between two validations.")] = 100,
    n_val_episodes: Annotated[int, typer.Option(help="Episodes of a validation.")] = 600,
    patience: Annotated[int, typer.Option(help="Validations without a better one before it stops; 0 for never.")] = 5,
    resume: Annotated[bool, typer.Option(help="Go on from the checkpoint at --out.")] = False,
    log: Annotated[Path | None, typer.Option(help="Folder for a log that TensorBoard reads.")] = None,
    seed: Annotated[int, typer.Option(help="Same inputs and seed, same result.")] = 0,
    device: Device = "auto",
    cache_dir: CacheDir = None,
    as_json: AsJson = False,
) -> None:
    """Train a learner and its backbone over episodes of many sources; the checkpoint is for `adapt --base`."""
    from metafuse.meta_training.arguments import facts, read_options, read_sizes, summarise
    from metafuse.meta_training.settings import MetaTrainingSettings
    from metafuse.meta_training.tasks import meta_train as train

    settings = MetaTrainingSettings(
        outer_steps=outer_steps, outer_lr=outer_lr, n_tasks=n_tasks, eval_every=eval_every,
        n_val_episodes=n_val_episodes, patience=patience,
        pull=pull, seed=seed, device=device,
    )  # fmt: skip
    sizes = read_sizes(tasks[0], n_way=n_way, k_shot=k_shot, n_query=n_query, within_group=within_group)
    with _progress() as on_progress:
        checkpoint = train(
            tasks, learner, out, backbone=backbone, learner_options=read_options(learner_option),
            backbone_options=read_options(backbone_option), sizes=sizes, settings=settings, resume=resume,
            log_folder=log, cache_dir=cache_dir, on_progress=on_progress,
        )  # fmt: skip
    _show((facts(checkpoint) if as_json else summarise(checkpoint)) | {"checkpoint": str(out)}, as_json)


@app.command()
def bench(
    tasks: Annotated[list[str], typer.Argument(help="Sources with labels, each measured on its meta_test classes.")],
    learner: Annotated[list[str], typer.Option(help="Episodic learner; repeat it.")] = ["ridge"],  # noqa: B006
    base: Annotated[list[Path], typer.Option(help="Checkpoint to measure with its learner; repeat it.")] = [],  # noqa: B006
    n_way: Annotated[int | None, typer.Option(help="Classes of an episode; the task file's by default.")] = None,
    k_shot: Annotated[int | None, typer.Option(help="Support items per class.")] = None,
    n_query: Annotated[int | None, typer.Option(help="Query items per class.")] = None,
    n_episodes: Annotated[int, typer.Option(min=1, help="Episodes per task.")] = 600,
    seed: Annotated[int, typer.Option(help="Same inputs and seed, same episodes.")] = 0,
    device: Device = "auto",
    cache_dir: CacheDir = None,
    as_json: AsJson = False,
) -> None:
    """Measure learners over episodes, each beside nearest prototype on frozen features."""
    from metafuse.episode_benchmark import bench as bench_tasks

    with _progress() as on_progress:
        found = bench_tasks(
            tasks, learner, base, n_way=n_way, k_shot=k_shot, n_query=n_query, n_episodes=n_episodes, seed=seed,
            device=device, cache_dir=cache_dir, on_progress=on_progress,
        )  # fmt: skip
    _table(found, as_json)


@data.command("list")
def data_list(as_json: AsJson = False) -> None:
    """List the task files and whether their data is here."""
    from metafuse.public_data import list_data

    _table(list_data(), as_json)


@data.command("fetch")
def data_fetch(
    name: Annotated[str, typer.Argument(help="Name of a task file.")],
    from_folder: Annotated[Path | None, typer.Option("--from", help="Take the files from this folder.")] = None,
    as_json: AsJson = False,
) -> None:
    """Get a task's public data set and check its bytes."""
    from metafuse.public_data import fetch_data

    paths = [str(path) for path in fetch_data(name, from_folder)]
    typer.echo(json.dumps(paths, ensure_ascii=False) if as_json else "\n".join(paths))


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


def _show(summary: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(summary, ensure_ascii=False, indent=1, default=str))
        return
    from metafuse.console import print_summary

    print_summary(summary)


def _table(frame: "pd.DataFrame", as_json: bool, out: Path | None = None) -> None:
    if out is not None:
        from metafuse.console import write_table

        write_table(frame, out)
    elif as_json:
        typer.echo(frame.to_json(orient="records", force_ascii=False, indent=1, date_format="iso"))
    else:
        from metafuse.console import print_table

        print_table(frame)


def _progress() -> Any:
    from metafuse.console import progress_bar

    return progress_bar()
