"""Every error metafuse raises on purpose.

    MetafuseError
    ├── ConfigError        (ValueError)    a task file, an argument or an option is wrong
    ├── SourceError        (ValueError)    rows cannot be read: file, folder, database, image
    ├── SchemaError        (ValueError)    the columns do not fit what was asked of them
    ├── EpisodeError       (ValueError)    too few classes or rows for what was asked
    ├── ShapeError         (ValueError)    a matrix has another shape than its counterpart
    ├── ArtifactError      (ValueError)    a saved run, model or cache file is not what it should be
    ├── AdaptationError    (RuntimeError)  adapting to the source failed
    └── MissingExtraError  (ImportError)   an optional dependency is not installed

A message says what was expected, what was found and what to do.
"""


class MetafuseError(Exception):
    """Base of all errors that metafuse raises on purpose."""


class ConfigError(MetafuseError, ValueError):
    """A task file, an argument or an option is wrong."""


class SourceError(MetafuseError, ValueError):
    """Rows cannot be read from a source."""


class SchemaError(MetafuseError, ValueError):
    """The columns of a source do not fit what was asked of them."""


class EpisodeError(MetafuseError, ValueError):
    """There are too few classes or rows for what was asked."""


class ShapeError(MetafuseError, ValueError):
    """A matrix has another shape than its counterpart."""


class ArtifactError(MetafuseError, ValueError):
    """A saved run, model or cache file is not what it should be."""


class AdaptationError(MetafuseError, RuntimeError):
    """Adapting to the source failed."""


class MissingExtraError(MetafuseError, ImportError):
    """An optional dependency is not installed; the message holds the command that installs it."""
