"""Meta-train over many sources, and measure over episodes."""

from pathlib import Path
from typing import Annotated

import typer

from metafuse.commands.base import AsJson, CacheDir, Device, progress, show, table


def meta_train(
    tasks: Annotated[list[str], typer.Argument(help="Sources with labels: task names, files, folders, URLs.")],
    learner: Annotated[str, typer.Option(help="Episodic learner: prototypical, ridge, maml, ...")],
    out: Annotated[Path, typer.Option(help="Folder of the checkpoint.")],
    backbone: Annotated[
        str, typer.Option(help="columns or column_tokens (frozen features), or conv4, resnet12 (raw images).")
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
    pull: Annotated[float, typer.Option(help="Pull to the plain features; of columns and column_tokens only.")] = 0.0,
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
    with progress() as on_progress:
        checkpoint = train(
            tasks, learner, out, backbone=backbone, learner_options=read_options(learner_option),
            backbone_options=read_options(backbone_option), sizes=sizes, settings=settings, resume=resume,
            log_folder=log, cache_dir=cache_dir, on_progress=on_progress,
        )  # fmt: skip
    show((facts(checkpoint) if as_json else summarise(checkpoint)) | {"checkpoint": str(out)}, as_json)


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

    with progress() as on_progress:
        found = bench_tasks(
            tasks, learner, base, n_way=n_way, k_shot=k_shot, n_query=n_query, n_episodes=n_episodes, seed=seed,
            device=device, cache_dir=cache_dir, on_progress=on_progress,
        )  # fmt: skip
    table(found, as_json)
