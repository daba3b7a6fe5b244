"""The tree is the data flow: a module imports only from lines above its own."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "metafuse"
ORDER = [
    "errors",
    "registry",
    "sources",
    "schema",
    "rows",
    "quality",
    "encoders",
    "features",
    "fusion",
    "embedder",
    "task",
    "public_data",
    "learners",
    "evaluation",
    "novelty",
    "adaptation",
    "index",
    "artifact",
    "services",
    "report",
    "run",
    "pipeline",
    "inspection",
    "console",
    "cli",
    "__main__",
]
SHARED_IN_FOLDER = {}


def line_of(module: str) -> str:
    return module.split(".")[1] if "." in module else module


def imports_of(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("metafuse"):
            found.append(node.module)
        elif isinstance(node, ast.Import):
            found += [name.name for name in node.names if name.name.startswith("metafuse")]
    return found
