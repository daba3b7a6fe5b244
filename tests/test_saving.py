import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import metafuse
from metafuse.errors import ArtifactError
from metafuse.rows import Rows
from metafuse.saving import storable
from metafuse.sources.media import Media

FILES = {
    "manifest.json", "state.json", "state.safetensors", "rows.parquet", "vectors.faiss", "ids.json", "predictions.csv",
    "quarantine.csv",
    "changes.csv", "report.html",
}  # fmt: skip


@pytest.fixture(scope="module")
def task(tickets, tiny_text_model, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("dept")
    tickets().to_csv(folder / "tickets.csv", index=False)
    path = folder / "dept.toml"
    path.write_text(
        f"name = 'dept'\n[source]\npath = 'tickets.csv'\n[adapt]\ntext_model = '{tiny_text_model}'\n", encoding="utf-8"
    )
    return path


@pytest.fixture(scope="module")
def run(task) -> metafuse.Run:
    return metafuse.adapt(task, out=task.parent / "run", cache_dir=task.parent / "cache")


@pytest.fixture
def folder(run, task, tmp_path) -> Path:
    import shutil

    return Path(shutil.copytree(task.parent / "run", tmp_path / "run"))


def test_a_run_folder_holds_the_documented_files_and_no_pickle(folder):
    assert {path.name for path in folder.iterdir()} == FILES
    assert not any(path.read_bytes()[:1] == b"\x80" for path in folder.iterdir())


def test_a_loaded_run_gives_the_same_answers_bit_for_bit(run, folder, tickets):
    loaded, new = metafuse.load(folder), tickets(9, seed=5)
    pd.testing.assert_frame_equal(loaded.predict(new), run.predict(new), check_exact=True)
    np.testing.assert_array_equal(loaded.predict_proba(new), run.predict_proba(new))
    np.testing.assert_array_equal(loaded.embed(new), run.embed(new))
    for answer in (
        lambda each: each.predictions,
        lambda each: each.retrieve("battery dead", k=5),
        lambda each: each.retrieve_row("T-003", k=5),
        lambda each: each.cluster(),
        lambda each: each.cluster_summary(5),
        lambda each: each.anomalies(),
        lambda each: each.suggest_labels(),
    ):
        pd.testing.assert_frame_equal(
            answer(loaded), answer(run), check_exact=True, check_dtype=False, check_index_type=False
        )
    assert loaded.metrics == run.metrics
    assert loaded.classes == run.classes
    assert loaded.summary() == run.summary()


def test_a_loaded_run_saves_again(folder, tmp_path):
    metafuse.load(folder).save(tmp_path / "again")
    for name in FILES - {"manifest.json"}:
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes(), name


@pytest.mark.parametrize("name", sorted(FILES - {"manifest.json"}))
def test_one_changed_byte_is_found(name, folder):
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ArtifactError, match=rf"{name}' was changed: expected sha256 .* or make the save again"):
        metafuse.load(folder)


def test_a_lost_file_is_found(folder):
    (folder / "ids.json").unlink()
    with pytest.raises(ArtifactError, match=r"ids.json' is missing. Restore it, or make the save again"):
        metafuse.load(folder)


def test_a_damaged_manifest_is_found(folder):
    (folder / "manifest.json").write_text("{")
    with pytest.raises(ArtifactError, match=r"manifest.json' is damaged"):
        metafuse.load(folder)


def test_no_folder_and_another_folder_are_no_runs(tmp_path):
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(
            ArtifactError, match=r"is no saved run: it has no manifest.json. Expected a folder that adapt"
        ):
            metafuse.load(path)


def test_saving_again_replaces_the_run_and_leaves_nothing_beside_it(run, folder):
    run.save(folder)
    assert {path.name for path in folder.iterdir()} == FILES
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".")] == []


def test_the_manifest_names_versions_and_source(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["source"] == "dept"
    assert {"python", "metafuse", "torch"} <= set(manifest["versions"])


def test_predictions_file_is_that_of_the_run(run, folder):
    written = pd.read_csv(folder / "predictions.csv")
    pd.testing.assert_frame_equal(written, run.predictions, check_dtype=False, check_index_type=False, atol=1e-6)


def test_another_text_model_than_the_runs_is_refused(folder, tiny_text_model, tmp_path):
    import shutil

    other = Path(shutil.copytree(tiny_text_model, tmp_path / "model"))
    state = folder / "state.json"
    state.write_text(state.read_text().replace(str(tiny_text_model), str(other)))
    (other / "config.json").write_text((other / "config.json").read_text() + " ")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["state.json"] = metafuse.artifact.sha256_file(state)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError, match="the text encoder is not the one this run was made with: expected text-"):
        metafuse.load(folder)


def test_columns_named_like_ours_are_kept_beside_ours():
    frame = pd.DataFrame({"#id": ["x"], "#label": [1.5]})
    stored = storable(Rows(pd.Index(["r1"]), frame, ("late",), Media(files=False)))
    assert list(stored) == ["##id", "##label", "#id", "#label"]
    assert stored.iloc[0].tolist() == ["r1", "late", "x", 1.5]


def test_cells_of_any_type_are_stored_as_their_text_and_pictures_are_left_out():
    cells = pd.Series(["a", 5, np.int64(6), Decimal("1.5"), True, None, b"png", [1, 2]], dtype=object)
    stored = storable(Rows(pd.RangeIndex(8), pd.DataFrame({"mixed": cells}), (None,) * 8, Media(files=False)))
    assert stored["mixed"].astype(object).where(stored["mixed"].notna(), None).tolist() == [
        "a", "5", "6", "1.5", "True", None, None, "[1, 2]",
    ]  # fmt: skip


def test_series_and_vectors_in_memory_are_stored_as_json_and_arrays_of_pixels_left_out():
    cells = pd.Series([np.array([1.0, 2.5]), np.array([[1, 2], [3, 4]]), np.zeros((2, 2, 3), dtype=np.uint8)])
    stored = storable(Rows(pd.RangeIndex(3), pd.DataFrame({"wave": cells}), (None,) * 3, Media(files=False)))
    assert stored["wave"].tolist()[:2] == ["[1.0, 2.5]", "[[1, 2], [3, 4]]"]
    assert pd.isna(stored["wave"].iloc[2])
