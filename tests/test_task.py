from pathlib import Path

import pandas as pd
import pytest

from metafuse.errors import ConfigError, SourceError
from metafuse.task import find_task, known_tasks, load_task, open_any

MINIMAL = "name = 'dept'\n[source]\npath = 'rows.csv'\n"


@pytest.fixture
def write(tmp_path):
    def task(text: str, name: str = "dept.toml") -> Path:
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / "rows.csv").write_text("note,kind\nred,a\nblue,b\n")
        return tmp_path / name

    return task


def test_defaults_of_a_task_file(write):
    spec = load_task(write(MINIMAL)).spec
    assert (spec.adapt.learner, spec.adapt.fusion, spec.adapt.false_alarm) == ("auto", "auto", 0.05)
    assert (spec.adapt.text_model, spec.adapt.image_model) == ("all-MiniLM-L6-v2", "handcrafted")
    assert spec.adapt.k_shot is None and spec.columns == {} and spec.files == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", r"task file '.*dept\.toml' is not TOML: .* Correct it there"),
        ("name = 'dept'", "'source': Field required"),
        (MINIMAL + "colour = 1", r"unknown key 'source.colour'\. Known here: .*encoding.*path.*url"),
        ("colour = 1\n" + MINIMAL, r"unknown key 'colour'\. Known here: adapt, .*source"),
        (MINIMAL + "[adapt]\nrate = 1", r"unknown key 'adapt.rate'\. Known here: .*k_shot, learner"),
        (MINIMAL + "[adapt]\nfalse_alarm = 2", r"'adapt.false_alarm': Input should be less than 1 \(got 2\)"),
        (MINIMAL + "[clean]\ncolours = true", r"unknown key 'clean.colours'\. Known here: missing, outliers"),
        (MINIMAL + '[clean]\nseries_smoothing = "mean"', "'clean.series_smoothing': Input should be 'none', 'median'"),
        (MINIMAL + "[adapt]\nk_shot = 0", "'adapt.k_shot': Input should be greater than or equal to 1"),
        (MINIMAL + "[columns]\nnote = 'poem'", r"'columns.note': Input should be .*'text'.* \(got 'poem'\)"),
        ("name = 'dept'\n[source]\n", "give either path or url"),
        (MINIMAL + "url = 'sqlite:///x'", "give either path or url"),
    ],
)
def test_mistakes_in_a_task_file_are_named(text, message, write):
    with pytest.raises(ConfigError, match=message):
        load_task(write(text))


def test_bytes_that_are_no_text_are_no_toml(tmp_path):
    (tmp_path / "dept.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not TOML"):
        load_task(tmp_path / "dept.toml")


def test_paths_start_at_the_task_file(write, monkeypatch, tmp_path):
    task = write(MINIMAL)
    monkeypatch.chdir("/")
    assert open_any(task).source.read().frame["note"].tolist() == ["red", "blue"]


def test_a_name_is_looked_up_in_the_tasks_folder_here_first(monkeypatch, tmp_path):
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "new_dept.toml").write_text("name = 'mine'\n[source]\nurl = 'sqlite:///x.db'\n")
    monkeypatch.chdir(tmp_path)
    assert load_task(find_task("new_dept")).spec.name == "mine"
    assert {"new_dept", "banking77"} <= set(known_tasks())
    assert find_task("nope") is None


def test_an_existing_file_wins_over_a_task_of_that_name(monkeypatch, tmp_path):
    (tmp_path / "new_dept").mkdir()
    (tmp_path / "new_dept" / "rows.csv").write_text("note,kind\nred,a\n")
    monkeypatch.chdir(tmp_path)
    opened = open_any("new_dept")
    assert opened.task is None
    assert list(opened.source.read().frame) == ["note", "kind"]


def test_a_table_in_memory_has_no_task():
    opened = open_any(pd.DataFrame({"note": ["red"]}))
    assert opened.task is None and len(opened.source.read().frame) == 1


def test_data_not_fetched_yet_is_told_with_the_command():
    with pytest.raises(SourceError, match=r"task 'banking77' needs .* Run: metafuse data fetch banking77 .*--from DIR"):
        open_any("banking77")
