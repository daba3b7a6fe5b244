"""What the command line says of a meta-training, as values; and what came of one, in words."""

import json
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from metafuse.errors import ConfigError
from metafuse.meta_training.checkpoint import Checkpoint
from metafuse.meta_training.state import find_best
from metafuse.task import EpisodeSizes, open_any


def read_options(pairs: Sequence[str]) -> dict[str, Any]:
    """Read "name=value" pairs; a value is JSON where it can be read as such, else text.

    Raises:
        ConfigError: a pair has no name or no "=".
    """
    options: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise ConfigError(f"option '{pair}': expected NAME=VALUE, such as inner_steps=5.")
        try:
            options[name.strip()] = json.loads(value)
        except json.JSONDecodeError:
            options[name.strip()] = value
    return options


def read_sizes(source: object, **given: int | bool | None) -> EpisodeSizes:
    """Episode sizes of a source's task file, with what is given in their place.

    Raises:
        ConfigError: a size is out of its range.
    """
    task = open_any(source).task
    sizes = (task.episodes if task else EpisodeSizes()).model_dump()
    try:
        return EpisodeSizes(**sizes | {name: value for name, value in given.items() if value is not None})
    except ValidationError as err:
        problem = err.errors()[0]
        name = str(problem["loc"][0])
        raise ConfigError(f"{name}: {problem['msg'].lower()}, got {given.get(name)}. Correct it.") from err


def summarise(checkpoint: Checkpoint) -> dict[str, Any]:
    """Tell what was trained and how it fared on the meta_val classes, in words."""
    first, best = checkpoint.history[0], find_best(checkpoint.history)
    return {
        "learner": f"{checkpoint.spec.learner} on {checkpoint.spec.backbone}",
        "sources": list(checkpoint.sources),
        "meta_val": {
            "start": f"{100 * first.accuracy:.2f} % ± {100 * first.half_width:.2f}",
            "best": f"{100 * best.accuracy:.2f} % ± {100 * best.half_width:.2f} at step {best.step}",
            "steps": checkpoint.history[-1].step,
        },
    }


def facts(checkpoint: Checkpoint) -> dict[str, Any]:
    """Tell the same for machines; accuracies as shares, those of the best validation beside those of the start."""
    first, best = checkpoint.history[0], find_best(checkpoint.history)
    return {
        "learner": checkpoint.spec.learner,
        "backbone": checkpoint.spec.backbone,
        "sources": list(checkpoint.sources),
        "sizes": dict(checkpoint.sizes),
        "accuracy": best.accuracy,
        "half_width": best.half_width,
        "step": best.step,
        "start": {"accuracy": first.accuracy, "half_width": first.half_width},
        "steps": checkpoint.history[-1].step,
    }
