import json
from dataclasses import dataclass

import numpy as np
import pytest

from metafuse.artifact import load_value, open_folder, save_folder, save_value
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
    with pytest.raises(ArtifactError, match=r"b\.txt' was changed.*adapt again"):
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
