import inspect
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import metafuse
from metafuse.errors import AdaptationError, ArtifactError, ConfigError, SchemaError
from metafuse.pipeline import default_out

REASONS = ("late", "power", "size")


def truth(n_rows: int) -> list[str]:
    return [("power", "late", "size")[row % 3] for row in range(n_rows)]


def labels_of(frame: pd.DataFrame) -> dict[object, str]:
    shown = frame[frame["reason"].notna()]
    return dict(zip(shown["ticket_id"], shown["reason"], strict=True))


@pytest.mark.parametrize("kind", ["mapping", "table", "series", "file", "file name"])
def test_labels_from_outside_equal_the_sources_own(kind, tickets, tmp_path, tiny_default):
    frame = tickets()
    labels = labels_of(frame)
    table = pd.DataFrame({"id": list(labels), "label": list(labels.values())})
    path = tmp_path / "labels.csv"
    table.to_csv(path, index=False)
    given = {"mapping": labels, "table": table, "series": pd.Series(labels), "file": path, "file name": str(path)}[kind]
    expected = metafuse.adapt(frame, learner="prototypical")
    run = metafuse.adapt(frame.drop(columns="reason"), given, learner="prototypical")
    np.testing.assert_array_equal(run.state.logits, expected.state.logits)


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize("has_id_column", [False, True])
def test_whole_number_ids_may_be_given_as_numbers_or_text(as_text, has_id_column, tickets, tiny_default):
    frame = tickets().assign(ticket_id=range(45))
    labels = {str(key) if as_text else key: label for key, label in labels_of(frame).items()}
    frame = frame.drop(columns=["reason"] if has_id_column else ["reason", "ticket_id"])
    run = metafuse.adapt(frame, labels, learner="prototypical")
    assert [label for label in run.rows.labels if label] == truth(12)


def test_the_callers_own_index_names_the_rows(tickets, tiny_default):
    frame = tickets().set_index("ticket_id")
    run = metafuse.adapt(frame.drop(columns="reason"), {"T-000": "power", "T-001": "late"}, learner="prototypical")
    assert run.predictions["id"].tolist() == frame.index.tolist()


def test_an_index_of_several_levels_gives_way_to_row_positions(tickets, tiny_default):
    run = metafuse.adapt(tickets().set_index(["ticket_id", "shop"]), learner="prototypical")
    assert run.predictions["id"].tolist() == list(range(45))


@pytest.mark.parametrize("columns", [["note"], ["weight_kg"], ["shop"], ["weight_kg", "shop"]])
def test_any_single_modality_is_enough(columns, tickets, tmp_path, tiny_default):
    run = metafuse.adapt(
        tickets()[[*columns, "reason"]], label_column="reason", learner="prototypical", out=tmp_path / "run"
    )
    assert len(run.predictions) == 45
    assert (tmp_path / "run" / "report.html").is_file()


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([row % 9 + 1 for row in range(27)] + [None] * 18, tuple("123456789")),
        ([row % 2 for row in range(45)], ("0", "1")),
        ([row % 2 for row in range(12)] + [None] * 33, ("0", "1")),
        ([row % 2 == 0 for row in range(45)], ("False", "True")),
        (["🔋", "שלום", "تأخير"] * 5 + [None] * 30, ("שלום", "تأخير", "🔋")),
    ],
    ids=["digits", "zero and one", "zero and one with gaps", "booleans", "scripts"],
)
def test_labels_of_any_kind_become_their_text(labels, classes, tickets, tmp_path, tiny_default):
    frame = tickets().assign(reason=labels)
    run = metafuse.adapt(frame, label_column="reason", learner="prototypical", out=tmp_path / "run")
    assert run.classes == classes
    assert metafuse.load(tmp_path / "run").rows.labels == run.rows.labels


@pytest.mark.parametrize("learner", ["auto", "prototypical", "logistic", "lda", "propagation"])
def test_one_label_a_class_is_enough_and_said(learner, tickets, tiny_default):
    run = metafuse.adapt(tickets(k_shot=1), learner=learner)
    assert run.predictions.loc[:2, "label"].tolist() == truth(3)
    assert "3 of 3 classes have one label" in run.summary()["note 1"]
    assert run.summary()["leave-one-out accuracy"] == "cannot be told: no class has two labels"


@pytest.mark.parametrize("n_rows", [2, 3])
def test_a_source_of_two_or_three_rows_is_adapted_to(n_rows, tickets, tmp_path, tiny_default):
    frame = tickets(n_rows)[["note"]].assign(label=["a", "b", None][:n_rows])
    run = metafuse.adapt(frame, out=tmp_path / "run")
    assert run.predictions.loc[:1, "label"].tolist() == ["a", "b"]
    assert len(run.cluster()) == len(run.anomalies()) == n_rows


def test_three_hundred_classes_are_told_apart(tickets, tiny_default):
    notes = [f"{note} {row}" for row, note in enumerate(tickets(600)["note"])]
    frame = pd.DataFrame({"note": notes, "label": [f"class {row % 300:03}" for row in range(600)]})
    run = metafuse.adapt(frame, learner="prototypical")
    assert run.predict_proba(frame.head(2)).shape == (2, 300)


def test_the_same_call_gives_the_same_run(tickets, tiny_default):
    first, second = metafuse.adapt(tickets()), metafuse.adapt(tickets())
    np.testing.assert_array_equal(first.state.logits, second.state.logits)
    np.testing.assert_array_equal(first.state.p_values, second.state.p_values)


def test_a_column_that_gives_the_label_away_is_left_out_with_a_note(tickets, tiny_default):
    frame = tickets(90, k_shot=15)
    run = metafuse.adapt(frame.assign(code=frame["reason"].map({"power": "P", "late": "L", "size": "S"})))
    assert any(note.startswith("column 'code' is left out: it gives the label away") for note in run.state.notes)
    assert "code" not in run.state.features.matrices


def test_a_column_that_may_give_the_label_away_is_kept_with_a_note(tickets, tiny_default):
    frame = tickets()
    run = metafuse.adapt(frame.assign(code=frame["reason"].map({"power": "P", "late": "L", "size": "S"})))
    assert any(note.startswith("column 'code' is suspicious: values and labels") for note in run.state.notes)


def write_task(folder: Path, frame: pd.DataFrame, tiny: Path, adapt: str = "") -> Path:
    frame.to_csv(folder / "tickets.csv", index=False)
    path = folder / "dept.toml"
    path.write_text(
        f'name = "dept"\n[source]\npath = "tickets.csv"\n[adapt]\ntext_model = {json.dumps(str(tiny))}\n{adapt}',
        encoding="utf-8",
    )
    return path


def test_arguments_win_over_the_task_file_and_it_wins_over_the_defaults(tickets, tiny_text_model, tmp_path):
    task = write_task(tmp_path, tickets(), tiny_text_model, 'learner = "lda"\nfalse_alarm = 0.2')
    settings = metafuse.adapt(task).state.settings
    assert (settings.source, settings.learner, settings.false_alarm) == ("dept", "lda", 0.2)
    settings = metafuse.adapt(task, learner="prototypical", false_alarm=0.05).state.settings
    assert (settings.learner, settings.false_alarm) == ("prototypical", 0.05)


def test_nothing_said_means_auto_and_five_per_cent(tickets, tiny_default):
    settings = metafuse.adapt(tickets()).state.settings
    assert (settings.learner, settings.false_alarm, settings.seed, settings.device) == ("auto", 0.05, 0, "auto")


def test_signature_is_the_documented_one():
    parameters = inspect.signature(metafuse.adapt).parameters
    documented = ["source", "labels", "label_column", "learner", "base", "false_alarm", "seed", "device", "out"]
    assert list(parameters)[: len(documented)] == documented
    assert all(parameters[name].kind is inspect.Parameter.KEYWORD_ONLY for name in documented[2:])
    assert (parameters["seed"].default, parameters["device"].default) == (0, "auto")


def test_k_shot_of_a_task_keeps_that_many_labels_a_class_drawn_by_seed(tickets, tiny_text_model, tmp_path):
    task = write_task(tmp_path, tickets(k_shot=8), tiny_text_model, 'learner = "prototypical"\nk_shot = 2')
    first, again, other = (metafuse.adapt(task, seed=seed).rows.labels for seed in (0, 0, 1))
    assert [sum(label == reason for label in first) for reason in REASONS] == [2, 2, 2]
    assert first == again != other


def test_progress_is_told_by_stage(tickets, tiny_default):
    told = []
    metafuse.adapt(tickets(), learner="prototypical", on_progress=lambda *event: told.append(event))
    assert told[-1] == ("encoding note", 45, 45)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"learner": "zzz"}, ConfigError, r"unknown learner 'zzz'\. Known: adversarial_head, .*, auto, "),
        ({"device": "tpu"}, ConfigError, "unknown device 'tpu'. Known: auto, cpu, cuda"),
        ({"false_alarm": 0.0}, ConfigError, "false_alarm: expected a share between 0 and 1, got 0"),
        ({"false_alarm": 2.0}, ConfigError, "false_alarm: expected a share between 0 and 1, got 2"),
        ({"false_alarm": float("nan")}, ConfigError, "false_alarm: expected a share between 0 and 1, got nan"),
        ({"seed": -1}, ConfigError, "seed: expected 0 or a larger whole number, got -1"),
        ({"base": Path("x.ckpt")}, ArtifactError, "holds no checkpoint"),
        ({"label_column": "zzz"}, SchemaError, "no column 'zzz'; the source has 'ticket_id', 'note'"),
        ({"labels": {"zzz": "late", "T-000": "size"}}, AdaptationError, "1 of 2 labels name no row .*: zzz"),
        ({"labels": {"T-001": "late", "T-000": "late"}}, AdaptationError, "all 2 labels are 'late': expected at least"),
    ],
)
def test_arguments_that_cannot_be_are_refused_before_the_work(arguments, error, message, tickets, tmp_path):
    with pytest.raises(error, match=message):
        metafuse.adapt(tickets(), out=tmp_path / "run", **arguments)
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(any(Path("/dev").glob("nvidia[0-9]*")), reason="there is a GPU")
def test_cuda_is_refused_where_there_is_none(tickets):
    with pytest.raises(ConfigError, match="device 'cuda' needs an NVIDIA GPU that torch can use, found none"):
        metafuse.adapt(tickets(), device="cuda")


def test_a_foreign_folder_is_left_alone(tickets, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("words")
    with pytest.raises(ArtifactError, match=r"exists and is no saved run\. Choose another --out"):
        metafuse.adapt(tickets(), out=tmp_path / "thesis")
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter.txt"]


def test_label_columns_without_use_are_said_in_words(tickets):
    frame = tickets()
    with pytest.raises(SchemaError, match="has no label column: expected one among ticket_id, note, weight_kg, shop"):
        metafuse.adapt(frame.drop(columns="reason"))
    with pytest.raises(AdaptationError, match="no row has a label: expected a handful"):
        metafuse.adapt(frame.assign(reason=None), label_column="reason")
    with pytest.raises(AdaptationError, match="all 45 labels are 'x': expected at least two classes"):
        metafuse.adapt(frame.assign(reason="x"), label_column="reason")


@pytest.mark.parametrize(
    ("source", "name"),
    [("new_dept", "new_dept"), ("data/a.csv", "a"), ("sqlite:///x/shop.db#t", "shop"), ("hf://org/set?split=x", "set")],
)
def test_runs_are_named_after_their_source(source, name):
    assert default_out(source) == Path("runs") / name


def test_a_way_to_fill_gaps_that_is_none_is_refused_before_the_work(tickets, tiny_text_model, tmp_path):
    task = write_task(tmp_path, tickets(), tiny_text_model, 'fill = "nonsense"')
    with pytest.raises(ConfigError, match=r"unknown translator 'nonsense'\. Known: cgan"):
        metafuse.adapt(task, cache_dir=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_source_of_which_no_cell_can_be_read_names_the_first(tmp_path):
    frame = pd.DataFrame({"photo": ["a.png", "b.png", "c.png", "d.png"], "reason": ["x", "y", "x", "y"]})
    frame.to_csv(tmp_path / "photos.csv", index=False)
    message = r"no cell of 4 can be read; the first is in column 'photo' of row '0': .*missing"
    with pytest.raises(SchemaError, match=message):
        metafuse.adapt(tmp_path / "photos.csv", cache_dir=tmp_path / "cache")
