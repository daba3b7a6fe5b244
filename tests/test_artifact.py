import json
import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from metafuse.artifact import KILLED_S, check_target, load_value, open_folder, save_folder, save_value
from metafuse.errors import ArtifactError
from metafuse.fusion.early import EarlyFusion
from metafuse.schema import Column, Modality, Schema


def write_two(folder):
    (folder / "a.txt").write_text("one")
    (folder / "b.txt").write_text("two")


@pytest.fixture
def saved(tmp_path):
    save_folder(tmp_path / "run", write_two, {"source": "toy"})
    return tmp_path / "run"


def test_value_comes_back_as_it_was(tmp_path):
    fusion = EarlyFusion({"note": 0.5}, {"note": np.arange(3, dtype=np.float32)})
    schema = Schema((Column("note", Modality.TEXT, "long"),))
    save_value({"fusion": fusion, "schema": schema, "pair": (1, [2.5, None, True])}, tmp_path, "model")
    back = load_value(tmp_path, "model")
    np.testing.assert_array_equal(back["fusion"].means["note"], fusion.means["note"])
    assert back["fusion"].weights == fusion.weights
    assert back["schema"] == schema
    assert back["pair"] == (1, [2.5, None, True])


def test_only_types_of_the_package_are_built(tmp_path):
    save_value(Column("note", Modality.TEXT, "long"), tmp_path, "model")
    tree = json.loads((tmp_path / "model.json").read_text())
    for address in ("os:system", "metafuse.artifact:save_folder", "subprocess:Popen"):
        (tmp_path / "model.json").write_text(json.dumps({**tree, "#class": address}))
        with pytest.raises(ArtifactError, match="cannot be read"):
            load_value(tmp_path, "model")


def test_types_from_elsewhere_are_not_saved(tmp_path):
    with pytest.raises(TypeError, match="set cannot be saved"):
        save_value({"x": {1, 2}}, tmp_path, "model")


def test_manifest_holds_what_was_said_and_every_file(saved):
    manifest = open_folder(saved)
    assert manifest["source"] == "toy"
    assert sorted(manifest["files"]) == ["a.txt", "b.txt"]


def test_one_changed_byte_is_found(saved):
    (saved / "b.txt").write_text("twx")
    with pytest.raises(ArtifactError, match=r"b\.txt' was changed.*make the save again"):
        open_folder(saved)


def test_lost_file_is_found(saved):
    (saved / "a.txt").unlink()
    with pytest.raises(ArtifactError, match=r"a\.txt' is missing"):
        open_folder(saved)


def test_damaged_manifest_is_found(saved):
    (saved / "manifest.json").write_text("{")
    with pytest.raises(ArtifactError, match="is damaged"):
        open_folder(saved)


def test_folder_without_manifest_is_no_run(tmp_path):
    with pytest.raises(ArtifactError, match="is no saved run"):
        open_folder(tmp_path)


def test_failed_write_leaves_the_old_folder(saved):
    def fail(folder):
        (folder / "a.txt").write_text("new")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save_folder(saved, fail, {})
    assert (saved / "a.txt").read_text() == "one"
    assert [path.name for path in saved.parent.iterdir()] == ["run"]
    open_folder(saved)


def test_saving_again_replaces_the_folder(saved):
    save_folder(saved, lambda folder: (folder / "c.txt").write_text("three"), {})
    assert sorted(open_folder(saved)["files"]) == ["c.txt"]
    assert [path.name for path in saved.parent.iterdir()] == ["run"]


def test_folder_of_something_else_is_not_overwritten(tmp_path):
    (tmp_path / "thesis.doc").write_text("years of work")
    with pytest.raises(ArtifactError, match="is no saved run"):
        save_folder(tmp_path, write_two, {})
    assert (tmp_path / "thesis.doc").read_text() == "years of work"


@dataclass(frozen=True)
class Foreign:
    x: int


def test_dataclass_from_elsewhere_does_not_come_back(tmp_path):
    save_value(Foreign(1), tmp_path, "model")
    with pytest.raises(ArtifactError, match="is not part of metafuse"):
        load_value(tmp_path, "model")


def test_folder_with_another_manifest_is_not_overwritten(tmp_path):
    (tmp_path / "manifest.json").write_text('{"name": "my web app"}')
    with pytest.raises(ArtifactError, match="is no saved run"):
        save_folder(tmp_path, write_two, {})
    assert (tmp_path / "manifest.json").read_text() == '{"name": "my web app"}'


def test_file_put_beside_a_run_is_not_deleted(saved):
    (saved / "mylabels.csv").write_text("id,label")
    with pytest.raises(ArtifactError, match=r"holds mylabels\.csv beside a saved run.*Move that away"):
        save_folder(saved, write_two, {})
    assert (saved / "mylabels.csv").is_file()


def test_a_save_of_another_kind_is_not_replaced(saved):
    with pytest.raises(ArtifactError, match=r"another kind \(expected one with state.json\), which would be lost"):
        save_folder(saved, write_two, {}, marker="state.json")
    open_folder(saved)
    save_folder(saved, write_two, {}, marker="a.txt")


def move_aside(saved: Path, ending: str = "abcd_123") -> Path:
    """Leave what a process leaves that is killed while a new save takes the place of an earlier one."""
    old = saved.parent / f".run.old.{ending}"
    old.mkdir()
    return saved.rename(old / "run")


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("look", [open_folder, check_target])
def test_a_save_that_a_killed_one_moved_aside_is_put_back(look, saved, caplog):
    move_aside(saved)
    with caplog.at_level(logging.INFO, "metafuse"):
        look(saved)
    assert open_folder(saved)["source"] == "toy"
    assert names_in(saved.parent) == ["run"]
    assert "run' is put back as it was before a save that was killed" in caplog.text


def test_a_damaged_save_is_not_put_back(saved):
    (move_aside(saved) / "a.txt").write_text("other")
    with pytest.raises(ArtifactError, match="is no saved run"):
        open_folder(saved)
    assert names_in(saved.parent) == [".run.old.abcd_123"]


def test_of_two_saves_moved_aside_none_is_put_back(saved):
    move_aside(saved)
    save_folder(saved.parent / "other", write_two, {})
    (saved.parent / "other").rename(saved)
    move_aside(saved, "abcd_456")
    with pytest.raises(ArtifactError, match="is no saved run"):
        open_folder(saved)
    assert names_in(saved.parent) == [".run.old.abcd_123", ".run.old.abcd_456"]


def test_a_save_of_another_name_is_not_put_back(saved):
    saved.parent.joinpath(".run.old.old.abcd_123").mkdir()
    saved.rename(saved.parent / ".run.old.old.abcd_123" / "run")
    with pytest.raises(ArtifactError, match="is no saved run"):
        open_folder(saved)
    open_folder(saved.parent / "run.old")


def test_a_save_that_cannot_be_put_back_is_named(saved, monkeypatch):
    held = move_aside(saved)

    def refuse(*arguments):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(ArtifactError, match=rf"{held}' by a save that was killed, .*\(Read-only file system\)"):
        open_folder(saved)


def test_saving_again_removes_what_killed_saves_left_and_nothing_else(saved):
    beside = saved.parent
    for name in (".run.new.killed_1", ".run.new.living_1", ".run.new.strange1", ".run.mine", ".run.old.strange2"):
        (beside / name).mkdir()
        (beside / name / "a.txt").write_text("half")
    (beside / ".run.new.strange1" / "folder").mkdir()
    (beside / ".run.old.replaced" / "run").mkdir(parents=True)
    long_ago = time.time() - 2 * KILLED_S
    for path in beside.iterdir():
        if "living" not in path.name:
            os.utime(path, (long_ago, long_ago))
    save_folder(saved, write_two, {})
    kept = [".run.mine", ".run.new.living_1", ".run.new.strange1", ".run.old.strange2", "run"]
    assert names_in(beside) == kept
