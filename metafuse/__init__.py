"""Adapt a shared multimodal embedder to a new data source from a handful of labels.

    import metafuse
    run = metafuse.adapt("new_dept")
    run.predict(rows)

Names are imported when first used, so that `import metafuse` is quick.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metafuse.errors import (
        AdaptationError,
        ArtifactError,
        ConfigError,
        MetafuseError,
        MissingExtraError,
        SchemaError,
        SourceError,
    )
    from metafuse.inspection import inspect
    from metafuse.loading import load
    from metafuse.meta_training.tasks import meta_train
    from metafuse.pipeline import adapt
    from metafuse.run import Run

_HOMES = {
    "AdaptationError": "metafuse.errors",
    "ArtifactError": "metafuse.errors",
    "ConfigError": "metafuse.errors",
    "MetafuseError": "metafuse.errors",
    "MissingExtraError": "metafuse.errors",
    "Run": "metafuse.run",
    "SchemaError": "metafuse.errors",
    "SourceError": "metafuse.errors",
    "adapt": "metafuse.pipeline",
    "inspect": "metafuse.inspection",
    "load": "metafuse.loading",
    "meta_train": "metafuse.meta_training.tasks",
}

__all__ = [
    "AdaptationError",
    "ArtifactError",
    "ConfigError",
    "MetafuseError",
    "MissingExtraError",
    "Run",
    "SchemaError",
    "SourceError",
    "adapt",
    "inspect",
    "load",
    "meta_train",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'metafuse' has no attribute '{name}'")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
