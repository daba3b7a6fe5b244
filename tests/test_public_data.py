import hashlib
from pathlib import Path

import pytest
import requests

from metafuse.errors import SourceError
from metafuse.public_data import fetch_data, list_data
from metafuse.task import open_any

CONTENT = b"note,kind\nred,a\nblue,b\n"


@pytest.fixture
def fruit(tmp_path, monkeypatch) -> Path:
    """A task with one public file, in the tasks folder of the current folder."""
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "fruit.toml").write_text(
        "name = 'fruit'\n[source]\npath = 'rows.csv'\n[[files]]\npath = 'rows.csv'\n"
        f"sha256 = '{hashlib.sha256(CONTENT).hexdigest()}'\nurl = 'https://example.invalid/rows.csv'\n"
    )
    monkeypatch.chdir(tmp_path)
    (tmp_path / "copy").mkdir()
    return tmp_path


def is_here() -> bool:
    table = list_data().set_index("name")
    return bool(table.loc["fruit", "is_here"])


def test_a_copy_is_taken_and_its_bytes_checked(fruit):
    (fruit / "copy" / "rows.csv").write_bytes(CONTENT)
    assert not is_here()
    [path] = fetch_data("fruit", fruit / "copy")
    assert path.read_bytes() == CONTENT and path.is_relative_to(fruit / "xdg")
    assert is_here()
    assert open_any("fruit").source.read().frame["note"].tolist() == ["red", "blue"]
    assert fetch_data("fruit") == [path]  # it is there: nothing is fetched


def test_another_version_of_the_file_is_refused(fruit):
    (fruit / "copy" / "rows.csv").write_bytes(CONTENT + b"more")
    with pytest.raises(SourceError, match=r"rows.csv' has sha256 .*, expected .* It is another version of the file"):
        fetch_data("fruit", fruit / "copy")
    assert not is_here()


def test_a_missing_copy_is_told(fruit):
    with pytest.raises(
        SourceError, match=r"rows.csv' does not exist\. Expected a copy of 'rows.csv' there; check --from"
    ):
        fetch_data("fruit", fruit / "copy")


def test_no_connection_is_told(fruit, monkeypatch):
    def refuse(*_arguments, **_options):
        raise requests.ConnectionError("no route")

    monkeypatch.setattr("pooch.retrieve", refuse)
    with pytest.raises(SourceError, match=r"could not be fetched from https://example.invalid/rows.csv .*--from DIR"):
        fetch_data("fruit")


def test_a_file_without_an_address_is_told(fruit):
    task = fruit / "tasks" / "fruit.toml"
    task.write_text("\n".join(line for line in task.read_text().splitlines() if not line.startswith("url")))
    with pytest.raises(SourceError, match=r"'rows.csv' has no public address .*--from DIR"):
        fetch_data("fruit")


def test_unknown_tasks_and_tasks_without_public_files_are_told(fruit):
    with pytest.raises(SourceError, match=r"no task 'nope'\. Known: .*fruit.*new_dept"):
        fetch_data("nope")
    with pytest.raises(SourceError, match="task 'new_dept' names no public files"):
        fetch_data("new_dept")
