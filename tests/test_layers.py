"""The tree is the data flow: a module imports only from lines above its own."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ORDER = [
    "errors",
    "registry",
    "artifact",
    "parallel",
    "written_values",
    "sources",
    "columns",
    "schema",
    "duplicates",
    "leaks",
    "missingness",
    "quality",
    "cleaning",
    "rows",
    "backbones",
    "encoders",
    "joins",
    "features",
    "fusion",
    "embedder",
    "task",
    "preparation",
    "public_data",
    "episodes",
    "index",
    "learners",
    "evaluation",
    "episode_evaluation",
    "crossmodal",
    "meta_training",
    "base_checkpoint",
    "episode_benchmark",
    "contributions",
    "modality_strength",
    "adaptation",
    "services",
    "report",
    "state",
    "saving",
    "run_summary",
    "run_report",
    "query",
    "tables",
    "run",
    "loading",
    "pipeline",
    "inspection",
    "console",
    "commands",
    "cli",
    "__main__",
]
SHARED = {
    "sources": [
        *("cells", "media", "join_report", "base", "files", "encoding", "environment", "options"),
        *("delimited", "json_text", "ts_text", "tables", "memory", "labels"),
    ],
    "crossmodal": ["base", "recall", "hiding", "canonical", "networks", "judge"],
    "joins": ["units", "spec", "matches", "zones", "clocks", "combine", "column_matches", "joining"],
    "cleaning": ["series", "base", "distinct", "spellings"],
    "columns": [
        *("measurement_units", "value_patterns", "media_kinds", "number_lists", "places", "log_masks"),
        *("nested_kinds", "modality_rules", "column_roles"),
    ],
    "backbones": ["base", "initialisation", "normalisation", "residual", "spec"],
    "encoders": [
        *("base", "models", "pretrained", "containers", "sound", "text_models", "packed_plan", "packed_bert"),
        *("pixels", "frames", "table_columns", "series_values", "series_steps", "rocket"),
    ],
    "fusion": [
        *("base", "combination", "plan", "early", "late", "reduced", "blocks", "block_training"),
        *("expert_estimators", "column_facts", "column_weights"),
    ],
    "episodes": ["base", "batch", "drawing", "stock"],
    "index": ["base", "backend", "checks", "ordering", "faiss_index", "ivf", "knn"],
    "learners": [
        *("base", "episodic", "episodic_spec", "metric.similarity", "generative.noise", "generative.head_writer"),
        *("generative.adversarial_game", "generative.hallucination"),
        *("optimization.chunks", "optimization.update_rules", "optimization.heads", "optimization.inner_loop"),
        *("optimization.gradient_learner", "optimization.maml"),
        *("policy", "folds", "linear", "gaussian", "prototypes", "graph", "view", "seeding"),
        *(
            "surroundings",
            "teaching",
            "heads",
            "novelty",
            "gaps",
            "modality_graph",
            "mixture",
            "block_heads",
            "weighing",
        ),
        *("combining", "witnesses", "product", "single"),
    ],
    "meta_training": ["settings", "state", "checkpoint", "sources", "schemas", "loop", "log", "arguments", "tasks"],
    "services": ["normalise", "words", "surprise", "tree", "anomaly"],
    "commands": ["base"],
    "report": ["base", "words", "projection", "points", "summary", "photos", "curves", "players", "pictures"],
}
"""Folder -> modules that others in it may import, in import order; every other module there is an implementation,
which imports only these."""

DOORS = {
    "fusion": "automatic",
    "sources": "open",
    "joins": "source",
    "cleaning": "fit",
    "encoders": "parts",
    "index": "factory",
    "report": "page",
}
"""Folder -> the module that chooses among its implementations, and may import them."""


def line_of(module: str) -> str:
    """Name the line of a module: `metafuse.learners.auto` is on "learners"; the package itself has none."""
    return module.split(".")[1] if "." in module else ""


def rank_in(folder: str, module: str) -> int:
    """Rank a module in its folder: the `__init__`, shared modules in their order, implementations alike, the door."""
    name, shared = module.removeprefix(f"metafuse.{folder}").removeprefix("."), ["", *SHARED[folder]]
    if name in shared:
        return shared.index(name) - 1
    return len(SHARED[folder]) + (name == DOORS.get(folder))


def imports_of(content: str) -> list[str]:
    """List every module a file imports, wherever in it; `from package import module` counts as both."""
    found = []
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.ImportFrom):
            found.append("." * node.level + (node.module or ""))
            found += [f"{node.module}.{name.name}" for name in node.names if is_module(f"{node.module}.{name.name}")]
        elif isinstance(node, ast.Import):
            found += [name.name for name in node.names]
    return found


def is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return name.startswith("metafuse.") and (path.is_dir() or path.with_suffix(".py").is_file())


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def faults(module: str, content: str) -> list[str]:
    """Say what a module imports against the rules."""
    found = []
    for imported in imports_of(content):
        package = imported.split(".")[0]
        if package in ("", "tests", "benchmarks", "tasks", "scripts"):
            found.append(f"{module} imports {imported}, which is not part of the package by its full name")
        elif package == "faiss" and line_of(module) != "index":
            found.append(f"{module} imports faiss, which only metafuse.index may")
        elif package == "metafuse" and module != "metafuse":
            found += _order_faults(module, imported)
    return found


def _order_faults(module: str, imported: str) -> list[str]:
    own, other = line_of(module), line_of(imported)
    if not other:
        return [f"{module} imports the package itself, whose names come from below"]
    if not {own, other} <= set(ORDER):
        return [f"{module} imports {imported}, and one of them has no line in ORDER"]
    if own != other:
        above = ORDER.index(other) < ORDER.index(own)
        return [] if above else [f"{module} imports {imported} from below its line"]
    if own not in SHARED:
        return [f"{module} imports itself"]
    rank, other_rank = rank_in(own, module), rank_in(own, imported)
    if rank > other_rank:
        return []
    return [f"{module} imports {imported}, {'a sibling' if other_rank == len(SHARED[own]) else 'from below its line'}"]


FILES = {module_of(path): path for path in sorted((ROOT / "metafuse").rglob("*.py"))}


@pytest.mark.parametrize("module", FILES)
def test_module_imports_only_from_above(module):
    assert faults(module, FILES[module].read_text(encoding="utf-8")) == []


def test_every_module_has_its_line():
    assert sorted({line_of(module) for module in FILES} - {""}) == sorted(ORDER)
    folders = {path.parent.name for path in (ROOT / "metafuse").glob("*/*.py")}
    assert folders == set(SHARED)


def test_shared_modules_exist():
    listed = {f"metafuse.{folder}.{name}" for folder, names in SHARED.items() for name in names}
    listed |= {f"metafuse.{folder}.{name}" for folder, name in DOORS.items()}
    assert listed - set(FILES) == set()


@pytest.mark.parametrize(
    ("module", "content", "fault"),
    [
        ("metafuse.schema", "import metafuse.rows", "imports metafuse.rows from below its line"),
        ("metafuse.rows", "def f():\n    from metafuse.run import load", "imports metafuse.run from below"),
        ("metafuse.rows", "if TYPE_CHECKING:\n    from metafuse.run import Run", "imports metafuse.run from below"),
        ("metafuse.rows", "from metafuse.learners import auto", "imports metafuse.learners.auto from below"),
        ("metafuse.learners.auto", "from metafuse.learners.lda import LdaLearner", "learners.lda, a sibling"),
        ("metafuse.learners.metric.prototypical", "from metafuse.learners.auto import AutoLearner", "a sibling"),
        ("metafuse.learners.view", "from metafuse.learners.auto import AutoLearner", "a sibling"),
        ("metafuse.learners.view", "from metafuse.learners.product import agreement", "from below its line"),
        ("metafuse.index.flat", "from metafuse.index.factory import build_index", "from below its line"),
        ("metafuse.run", "from metafuse import adapt", "imports the package itself"),
        ("metafuse.run", "import metafuse.novelties", "has no line in ORDER"),
        ("metafuse.run", "from .state import State", "not part of the package by its full name"),
        ("metafuse.run", "from tests.conftest import ToyEncoder", "imports tests.conftest"),
        ("metafuse.run", "import benchmarks.speed", "imports benchmarks.speed"),
        ("metafuse.services.retrieve", "import faiss", "imports faiss, which only metafuse.index may"),
    ],
)
def test_violation_is_named(module, content, fault):
    found = faults(module, content)
    assert len(found) >= 1
    assert any(fault in line and line.startswith(module) for line in found)


@pytest.mark.parametrize(
    ("module", "content"),
    [
        ("metafuse.run", "from metafuse.state import State"),
        ("metafuse.learners.auto", "from metafuse.learners.view import read_view"),
        ("metafuse.index.factory", "from metafuse.index.flat import build_flat"),
        ("metafuse.index.backend", "import faiss"),
    ],
)
def test_rule_lets_pass(module, content):
    assert faults(module, content) == []
