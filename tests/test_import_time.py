"""What is quick stays quick: heavy libraries load when used."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "sentence_transformers", "datasets", "faiss", "sklearn", "skimage", "skrub", "pandas")


def loaded_after(code: str) -> set[str]:
    report = f"{code}\nimport sys; print(*[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split()) if done.stdout.splitlines() else set()


def test_import_metafuse_loads_no_heavy_library():
    assert loaded_after("import metafuse; dir(metafuse); metafuse.MetafuseError") == set()


@pytest.mark.parametrize("arguments", [["--help"], ["adapt", "--help"]])
def test_help_loads_no_heavy_library(arguments):
    code = (
        "import sys, metafuse.cli\n"
        f"sys.argv = ['metafuse', *{arguments}]\n"
        "try:\n    metafuse.cli.main()\nexcept SystemExit as stop:\n    assert not stop.code\n"
    )
    assert loaded_after(code) == set()


def test_the_pipeline_loads_without_models_and_searches():
    assert loaded_after("import metafuse.pipeline") == {"pandas"}
