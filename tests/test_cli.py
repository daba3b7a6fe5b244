import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from metafuse import cli


@pytest.fixture(scope="module")
def source(tickets, tiny_text_model, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("dept")
    tickets().to_csv(folder / "tickets.csv", index=False)
    (folder / "dept.toml").write_text(
        f"name = 'dept'\n[source]\npath = 'tickets.csv'\n[adapt]\nlearner = 'prototypical'\n"
        f"text_model = '{tiny_text_model}'\n",
        encoding="utf-8",
    )
    return folder


@pytest.fixture
def call(monkeypatch, capsys):
    """Run the command line in this process: exit code, stdout, stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["metafuse", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        return int(stop.value.code or 0), *capsys.readouterr()

    return run


@pytest.fixture(scope="module")
def saved(source) -> Path:
    import metafuse

    metafuse.adapt(source / "dept.toml", out=source / "run", cache_dir=source / "cache")
    return source / "run"


def test_adapt_writes_runs_name_and_says_what_it_found(source, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, stdout, stderr = call("adapt", "--source", source / "dept.toml")
    assert (code, stderr) == (0, "")
    assert "labelled                 12 in 3 classes" in stdout
    assert (tmp_path / "runs" / "dept" / "report.html").is_file()


def test_adapt_takes_labels_learner_and_json(source, call, tickets, tmp_path):
    tickets()[["ticket_id", "reason"]].dropna().head(6).to_csv(tmp_path / "labels.csv", index=False)
    code, stdout, _ = call(
        "adapt", "--source", source / "dept.toml", "--labels", tmp_path / "labels.csv", "--learner", "lda", "--seed", 3,
        "--false-alarm", 0.1, "--device", "cpu", "--out", tmp_path / "run", "--cache-dir", tmp_path / "cache", "--json",
    )  # fmt: skip
    facts = json.loads(stdout)
    assert code == 0
    assert (facts["n_labelled"], len(facts["classes"])) == (6, 3)
    assert (facts["learner"], facts["false_alarm"], facts["seed"]) == ("lda", 0.1, 3)
    assert set(facts["metrics"]) >= {"leave_one_out", "baseline", "modalities", "timings"}
    assert facts["report"] == str(tmp_path / "run" / "report.html")


def test_inspect_names_modalities_and_trains_nothing(source, call):
    code, stdout, _ = call("inspect", "--source", source / "dept.toml", "--json")
    found = json.loads(stdout)
    assert code == 0
    assert {each["column"]: each["modality"] for each in found["columns"]} == {
        "ticket_id": "id", "note": "text", "weight_kg": "numeric", "shop": "categorical", "reason": "label",
    }  # fmt: skip
    code, stdout, _ = call("inspect", "--source", source / "dept.toml")
    assert code == 0 and "weight_kg" in stdout


def test_predict_prints_or_writes_a_line_per_row(source, saved, call, tmp_path):
    code, stdout, _ = call("predict", "--run", saved, source / "tickets.csv", "--json")
    rows = json.loads(stdout)
    assert code == 0 and len(rows) == 45
    assert list(rows[0]) == ["id", "label", "probability", "is_unknown", "p_value"]
    code, stdout, _ = call("predict", source / "tickets.csv", "--run", saved, "--out", tmp_path / "out.csv")
    assert (code, stdout) == (0, "")
    assert pd.read_csv(tmp_path / "out.csv")["id"].tolist() == [row["id"] for row in rows]
    code, stdout, _ = call("predict", source / "tickets.csv", "--run", saved)
    assert code == 0 and stdout.split()[:5] == list(rows[0])


@pytest.mark.parametrize("query", [["battery dead"], ["--row", "T-003"]])
def test_search_lists_k_rows(query, saved, call):
    code, stdout, _ = call("search", "--run", saved, *query, "-k", 3, "--json")
    assert code == 0
    assert [list(hit) for hit in json.loads(stdout)] == [["id", "similarity", "label", "is_predicted", "text"]] * 3


def test_cluster_shows_groups_and_as_json_every_row(saved, call, tmp_path):
    code, stdout, _ = call("cluster", "--run", saved)
    assert code == 0 and stdout.split()[:3] == ["cluster", "name", "is_new"]
    code, stdout, _ = call("cluster", "--run", saved, "--n-clusters", 4, "--json")
    assert code == 0 and len(json.loads(stdout)) == 45
    code, _, _ = call("cluster", "--run", saved, "--out", tmp_path / "groups.csv")
    assert code == 0 and len(pd.read_csv(tmp_path / "groups.csv")) == 45


@pytest.mark.parametrize(
    ("arguments", "columns"),
    [
        (("anomalies", "--limit", 4), ["id", "anomaly_score", "reason", "nearest_normal", "text"]),
        (("suggest", "-n", 4), ["id", "label", "probability", "reason", "text"]),
    ],
)
def test_anomalies_and_suggestions_are_listed(arguments, columns, saved, call):
    code, stdout, _ = call(*arguments, "--run", saved, "--json")
    assert code == 0
    assert [list(row) for row in json.loads(stdout)] == [columns] * 4
    code, stdout, _ = call(*arguments, "--run", saved)
    assert code == 0 and stdout.split()[:2] == columns[:2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("adapt", "--source", "nope"), "no source 'nope'"),
        (
            ("adapt", "--source", "new_dept", "--learner", "zzz"),
            "unknown learner 'zzz'. Known: adversarial_head, anil, auto",
        ),
        (("adapt", "--source", "new_dept", "--false-alarm", 2), "false_alarm: expected a share between 0 and 1"),
        (("adapt", "--source", "new_dept", "--seed", -1), "seed: expected 0 or a larger whole number"),
        (("adapt", "--source", "new_dept", "--base", "x"), "holds no checkpoint"),
        (("adapt", "--source", "new_dept", "--label-column", "zzz"), "no column 'zzz'"),
        (("predict", "--run", "nope", "rows.csv"), "'nope' is no saved run"),
        (("data", "fetch", "nope"), "no task 'nope'. Known: "),
    ],
)
def test_a_failure_is_one_message_on_stderr_and_exit_code_1(arguments, message, call, tmp_path):
    more = ("--out", tmp_path / "run") if arguments[0] == "adapt" else ()
    code, stdout, stderr = call(*arguments, *more)
    assert (code, stdout) == (1, "")
    assert stderr.startswith("error: ") and message in stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("search", "--row", "zzz"), "no row has the id 'zzz'"),
        (("search", "--image", "/nope/x.png"), "file '/nope/x.png' cannot be read"),
        (("cluster", "--n-clusters", 2), "expected 3 (the classes)"),
        (("predict", "nope.csv"), "no source 'nope.csv'"),
    ],
)
def test_failures_of_a_run_are_said_in_words(arguments, message, saved, call):
    code, _, stderr = call(*arguments, "--run", saved)
    assert code == 1 and message in stderr


def test_an_output_file_that_cannot_be_written_is_told(source, saved, call):
    code, _, stderr = call("predict", source / "tickets.csv", "--run", saved, "--out", "/nope/out.csv")
    assert code == 1 and "'/nope/out.csv' cannot be written" in stderr and "None" not in stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("adapt",), ("zzz",), ("search", "--run", "x"), ("search", "--run", "x", "words", "--row", "T-1"),
        ("search", "--run", "x", "words", "-k", 0), ("suggest", "--run", "x", "-n", 0),
        ("anomalies", "--run", "x", "--limit", 0), ("adapt", "--source", "new_dept", "--seed", "x"),
    ],
)  # fmt: skip
def test_wrong_usage_is_exit_code_2(arguments, call):
    code, stdout, stderr = call(*arguments)
    assert (code, stdout) == (2, "")
    assert stderr


def test_ctrl_c_is_exit_code_130(call, monkeypatch):
    def stop(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("metafuse.inspection.inspect", stop)
    code, stdout, stderr = call("inspect", "--source", "new_dept")
    assert (code, stdout) == (130, "")
    assert stderr.strip() == "stopped; what was encoded is kept, and the next run goes on from there"


@pytest.mark.parametrize("command", ["adapt", "inspect", "predict", "search", "cluster", "anomalies", "suggest"])
def test_every_command_takes_json(command, call):
    code, stdout, _ = call(command, "--help")
    assert code == 0 and "--json" in stdout


def test_data_list_shows_every_task_file(call):
    code, stdout, _ = call("data", "list", "--json")
    assert code == 0
    assert {"new_dept", "banking77", "clinc150"} <= {each["name"] for each in json.loads(stdout)}


def test_cli_py_and_the_module_are_the_same_program(tmp_path):
    root = Path(__file__).parents[1]
    for command in ([sys.executable, str(root / "cli.py")], [sys.executable, "-m", "metafuse"]):
        done = subprocess.run([*command, "zzz"], capture_output=True, text=True, check=False, cwd=root)
        assert done.returncode == 2 and "No such command" in done.stderr


def test_a_run_folder_can_be_moved(saved, call, tmp_path):
    shutil.copytree(saved, tmp_path / "elsewhere")
    code, stdout, _ = call("search", "--run", tmp_path / "elsewhere", "battery", "--json", "-k", 1)
    assert code == 0 and len(json.loads(stdout)) == 1


@pytest.mark.parametrize(
    ("option", "name", "words"), [("--image", "x.wav", "an image"), ("--sound", "x.png", "a sound")]
)
def test_a_file_of_another_kind_than_asked_for_is_refused(option, name, words, saved, call):
    code, _, stderr = call("search", "--run", saved, option, name)
    assert code == 2
    assert f"'{name}' does not end as {words}" in " ".join(stderr.replace("│", " ").split())
