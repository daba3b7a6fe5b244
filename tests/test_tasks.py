"""Every task file that is shipped."""

from pathlib import Path

import pandas as pd
import pytest

from metafuse.task import data_folder, find_task, known_tasks, load_task

TASKS = sorted((Path(__file__).parents[1] / "tasks").rglob("*.toml"))


def test_there_are_task_files():
    assert len(TASKS) >= 10
    assert {path.stem for path in TASKS} <= set(known_tasks())


@pytest.mark.parametrize("path", TASKS, ids=lambda path: path.stem)
def test_a_task_file_is_whole(path):
    spec = load_task(path).spec
    assert spec.name == path.stem
    assert spec.description and spec.licence
    assert [str(modality) for modality in spec.columns.values()].count("label") <= 1
    assert all(not Path(file.path).is_absolute() and ".." not in Path(file.path).parts for file in spec.files)
    assert all(file.url is None or file.url.startswith("https://") for file in spec.files)
    assert spec.source.path is None or not Path(spec.source.path).is_absolute()


def test_the_sample_source_is_in_the_repository_and_matches_its_truth():
    task = load_task(next(path for path in TASKS if path.stem == "new_dept"))
    assert task.spec.files == ()
    folder = task.folder / "new_dept"
    truth = pd.read_csv(folder / "truth.csv")
    assert truth["return_id"].is_unique
    assert (truth["kind"].str.contains("anomal")).sum() == 8
    labelled = pd.read_csv(folder / "returns.csv", on_bad_lines="skip").dropna(subset="reason")
    assert labelled["reason"].value_counts().tolist() == [5] * 10


def test_public_data_is_looked_for_in_the_users_data_folder(tmp_path):
    spec = load_task(find_task("banking77")).spec
    assert data_folder(spec).is_relative_to(tmp_path)
