"""Task files: what a source is, how its columns are read, how it is adapted to. Data, no code."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from metafuse.errors import ConfigError, SourceError
from metafuse.joins.source import Join, JoinedSource
from metafuse.joins.spec import JoinSpec
from metafuse.schema import Modality
from metafuse.sources.base import Source
from metafuse.sources.open import SourceOptions, open_source
from metafuse.sources.options import LongTable


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LongSpec(_Strict):
    """Columns of a table with one moment a row, of which one row a series is made."""

    id: str
    time: str
    values: tuple[str, ...]
    step: float | None = None


class SourceSpec(_Strict):
    """Where the rows are: a `path` beside the task file or among the fetched data, or a `url`."""

    path: str | None = None
    url: str | None = None
    table: str | None = None
    query: str | None = None
    sheet: str | None = None
    split: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    media: str | None = None
    subfolder: str | None = None
    pattern: str | None = None
    key: str | None = None
    columns: tuple[str, ...] | None = None
    keep: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    long: LongSpec | None = None

    @model_validator(mode="after")
    def _one_place(self) -> "SourceSpec":
        if (self.path is None) == (self.url is None):
            raise ValueError("give either path or url")
        return self


class AdaptSpec(_Strict):
    """How `adapt` treats the source; arguments of the call win over these."""

    learner: str = "auto"
    fusion: str = "auto"
    false_alarm: float = Field(default=0.05, gt=0, lt=1)
    text_model: str = "all-MiniLM-L6-v2"
    image_model: str = "handcrafted"
    audio_model: str = "statistics"
    align: bool = Field(default=False, description="learn at once what `search --to` else learns when first asked")
    fill: str = Field(default="none", description="none, or how gaps are filled: auto, ridge, knn, vae, ...")
    k_shot: int | None = Field(default=None, ge=1, description="labels kept per class, drawn with the seed")

    @property
    def models(self) -> dict[str, str]:
        """What encodes texts, images and sounds."""
        return {"text": self.text_model, "image": self.image_model, "audio": self.audio_model}


class CleanSpec(_Strict):
    """What is set right in the cells before they are encoded; nothing is changed in the source."""

    missing: bool = Field(default=True, description='"n/a", "?", "unknown" and the like count as missing')
    units: bool = Field(default=True, description="numbers with units are brought to the column's most frequent one")
    outliers: bool = Field(default=True, description="impossible numbers such as -999 count as missing")
    variants: bool = Field(default=True, description="spelling variants of one category are merged")
    series_smoothing: Literal["none", "median", "savgol"] = "none"
    series_normalise: bool = Field(default=False, description="level and scale are taken out of each time series")


class ClassSpec(_Strict):
    """Class splits for meta-training, each a list of labels or a share of the classes; `meta_train` is the rest.

    Shares are drawn with the seed, whole groups at a time where there is a `group_column`.
    """

    meta_val: tuple[str, ...] | float = 0.2
    meta_test: tuple[str, ...] | float = 0.0
    meta_train: tuple[str, ...] | None = Field(default=None, description="every other class when not given")
    group_column: str | None = Field(default=None, description="groups classes, as an alphabet does its characters")
    duplicate_column: str | None = Field(default=None, description="rows of one value are near-duplicates")
    seed: int = Field(default=0, ge=0)


class EpisodeSizes(_Strict):
    """How episodes are drawn.

    With `variable_way` or `variable_shot` the numbers are upper bounds and each episode draws its own, as in
    Meta-Dataset (Triantafillou et al. 2020, arXiv:1903.03096, section 3.2).
    """

    n_way: int = Field(default=5, ge=2)
    k_shot: int = Field(default=5, ge=1)
    n_query: int = Field(default=15, ge=1, description="query items per class")
    variable_way: bool = False
    variable_shot: bool = False
    within_group: bool = Field(default=False, description="all classes of an episode from one group")
    query_alpha: float | None = Field(default=None, gt=0, description="Dirichlet draw of the query classes' shares")


class DataFile(_Strict):
    """One file of a public data set: its address, if it has one, and what its bytes must be."""

    path: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    url: str | None = None


class TaskSpec(_Strict):
    """One task file."""

    name: str
    description: str = ""
    licence: str = ""
    source: SourceSpec
    join: tuple[JoinSpec, ...] = Field(default=(), description="other sources joined to it, in this order")
    columns: Mapping[str, Modality] = Field(default_factory=dict)
    class_names: Mapping[str, str] = Field(default_factory=dict, description="label -> its name in words")
    clean: CleanSpec = Field(default_factory=CleanSpec)
    adapt: AdaptSpec = Field(default_factory=AdaptSpec)
    classes: ClassSpec = Field(default_factory=ClassSpec)
    episodes: EpisodeSizes = Field(default_factory=EpisodeSizes)
    data_set: str | None = None
    files: tuple[DataFile, ...] = ()


@dataclass(frozen=True)
class Task:
    """A task file that was read, with the folder its paths start from."""

    spec: TaskSpec
    folder: Path


def load_task(path: Path) -> Task:
    """Read a task file.

    Raises:
        ConfigError: it is no TOML, or a key or value is not one a task file has.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return Task(TaskSpec.model_validate(content), path.parent.resolve())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise ConfigError(f"task file '{path}' is not TOML: {err}. Correct it there.") from err
    except ValidationError as err:
        raise ConfigError(f"task file '{path}': {_explain(err)}") from err


def find_task(name: str) -> Path | None:
    """Find the task file of a name: `tasks/NAME.toml` here first, then those the package ships."""
    return next((path for folder in _task_folders() if (path := folder / f"{name}.toml").is_file()), None)


def known_tasks() -> list[str]:
    """List the names of all task files that can be found."""
    return sorted({path.stem for folder in _task_folders() for path in folder.glob("*.toml")})


def data_folder(spec: TaskSpec) -> Path:
    """Folder that `metafuse data fetch` puts the task's files in."""
    return platformdirs.user_data_path("metafuse") / (spec.data_set or spec.name)


def open_task(task: Task, *, joined_to: tuple[str, ...] = ()) -> Source:
    """Open the source of a task, with those it joins.

    Args:
        task: The task file.
        joined_to: Names of the tasks whose joins led here, so that none is joined to itself.
    Raises:
        SourceError: the task's public data set has not been fetched yet, or cannot be read.
        ConfigError: the task is joined to itself.
    """
    source = task.spec.source
    options = source.model_dump(exclude={"path", "url", "media", "long"}, exclude_none=True)
    long = LongTable(**source.long.model_dump()) if source.long else None
    folder = data_folder(task.spec) if task.spec.files else task.folder
    missing = [file.path for file in task.spec.files if not (folder / file.path).is_file()]
    if missing:
        raise SourceError(
            f"task '{task.spec.name}' needs {', '.join(missing)} in '{folder}', which is not there. "
            f"Run: metafuse data fetch {task.spec.name}   (or, with a copy at hand: --from DIR)"
        )
    media = folder / source.media if source.media else None
    place = source.url if source.url is not None else folder / str(source.path)
    opened = open_source(place, SourceOptions(name=task.spec.name, media=media, long=long, **options))
    if not task.spec.join:
        return opened
    names = (*joined_to, task.spec.name)
    joins = tuple(Join(spec, _open_joined(spec.source, folder, names)) for spec in task.spec.join)
    return JoinedSource(task.spec.name, opened, joins, task.spec.adapt.text_model)


def _open_joined(source: str, folder: Path, joined_to: tuple[str, ...]) -> Source:
    path = folder / source
    is_file = path.exists() and path.suffix != ".toml"
    if is_file or "://" in source:
        return open_source(path if is_file else source)
    found = path if path.is_file() else find_task(source)
    if found is None:
        raise SourceError(
            f"task '{joined_to[-1]}': no source '{source}' to join: expected a file or folder in '{folder}', a URL, or "
            f"the name of a task ({', '.join(known_tasks())}). Check the spelling."
        )
    task = load_task(found)
    if task.spec.name in joined_to:
        raise ConfigError(
            f"task '{joined_to[-1]}' joins '{task.spec.name}', which is joined to itself that way. "
            "Join the file it reads instead of the task."
        )
    return open_task(task, joined_to=joined_to)


@dataclass(frozen=True)
class Opened:
    """A source ready to be read, with its task file where it has one."""

    source: Source
    task: TaskSpec | None = None


def open_any(source: object) -> Opened:
    """Open what a user names: an existing file or folder, a URL, a task's name, or a table in memory.

    Args:
        source: In this order: a `.toml` task file, a file or folder, a URL, the name of a task file; or an object.
    Raises:
        SourceError: there is no such thing; the message lists the known tasks.
    """
    if not isinstance(source, str | Path):
        return Opened(open_source(source))
    path = Path(source)
    if not str(source).strip():
        raise SourceError(
            f"expected an existing file or folder, a URL, or the name of a task ({', '.join(known_tasks())}), got an "
            "empty name. Use '.' for the folder you are in."
        )
    if path.suffix == ".toml" and path.is_file():
        task = load_task(path)
        return Opened(open_task(task), task.spec)
    if path.exists() or "://" in str(source):
        return Opened(open_source(source))
    found = find_task(str(source))
    if found is None:
        raise SourceError(
            f"no source '{source}': expected an existing file or folder, a URL, or the name of a task "
            f"({', '.join(known_tasks())}). Check the spelling, or write tasks/{path.name}.toml."
        )
    task = load_task(found)
    return Opened(open_task(task), task.spec)


def _task_folders() -> list[Path]:
    package = Path(__file__).parent
    # In a checkout the shipped task files stand beside the package; the wheel moves them inside.
    return [Path("tasks"), package / "tasks", package.parent / "tasks"]


def _explain(err: ValidationError) -> str:
    lines = []
    for problem in err.errors():
        place = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            known = ", ".join(sorted(_known_keys(problem["loc"][:-1])))
            lines.append(f"unknown key '{place}'. Known here: {known}. Remove or rename it.")
        else:
            lines.append(f"'{place}': {problem['msg']} (got {problem.get('input')!r}). Correct it there.")
    return " ".join(lines)


def _known_keys(place: tuple[int | str, ...]) -> list[str]:
    model: type[BaseModel] = TaskSpec
    nested: dict[str, type[BaseModel]] = {
        "source": SourceSpec, "adapt": AdaptSpec, "classes": ClassSpec, "episodes": EpisodeSizes, "files": DataFile,
        "long": LongSpec, "join": JoinSpec, "clean": CleanSpec,
    }  # fmt: skip
    for part in place:
        model = nested.get(str(part), model)
    return list(model.model_fields)
