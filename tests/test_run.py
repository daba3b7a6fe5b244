from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import metafuse
from metafuse.errors import ConfigError, SchemaError, ShapeError, SourceError

COLUMNS = ["id", "label", "probability", "is_unknown", "p_value"]


@pytest.fixture(scope="module")
def run(tickets, tiny_text_model, tmp_path_factory) -> metafuse.Run:
    folder = tmp_path_factory.mktemp("dept")
    tickets().to_csv(folder / "tickets.csv", index=False)
    task = folder / "dept.toml"
    task.write_text(
        f"name = 'dept'\n[source]\npath = 'tickets.csv'\n[adapt]\ntext_model = '{tiny_text_model}'\n", encoding="utf-8"
    )
    return metafuse.adapt(task, cache_dir=folder / "cache")


@pytest.fixture
def new(tickets) -> pd.DataFrame:
    return tickets(6, seed=3)


def test_predict_gives_one_line_per_row_in_the_rows_order(run, new):
    got = run.predict(new.iloc[::-1])
    assert list(got) == COLUMNS
    assert got["id"].tolist() == new["ticket_id"].tolist()[::-1]
    assert got["is_unknown"].dtype == bool
    assert got["probability"].between(1 / 3, 1).all() and got["p_value"].between(0, 1).all()
    assert (got["is_unknown"] == (got["p_value"] < 0.05)).all()


def test_predict_proba_follows_the_order_of_classes_and_agrees_with_predict(run, new):
    proba, got = run.predict_proba(new), run.predict(new)
    assert proba.shape == (6, 3)
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-5)
    assert [run.classes[place] for place in proba.argmax(axis=1)] == got["label"].tolist()
    np.testing.assert_array_equal(proba.max(axis=1), got["probability"])


def test_each_row_is_predicted_independently_of_the_others(run, new):
    alone = pd.concat([run.predict(new.iloc[[row]]) for row in range(6)], ignore_index=True)
    pd.testing.assert_frame_equal(alone, run.predict(new), check_dtype=False, atol=1e-5)


def test_calls_leave_the_run_unchanged(run, new):
    first = run.predict(new)
    run.cluster(), run.anomalies(), run.suggest_labels(), run.retrieve("battery dead")
    pd.testing.assert_frame_equal(run.predict(new), first)


@pytest.mark.parametrize("dropped", [["reason"], ["ticket_id"], ["shop"], ["note"], ["note", "shop", "reason"]])
def test_rows_may_lack_columns(dropped, run, new):
    assert len(run.predict(new.drop(columns=dropped))) == 6


def test_further_columns_change_nothing(run, new):
    pd.testing.assert_frame_equal(run.predict(new.assign(colour="red", n=1)), run.predict(new))


def test_rows_without_ids_are_numbered_or_keep_the_callers_index(run, new):
    bare = new.drop(columns="ticket_id")
    assert run.predict(bare)["id"].tolist() == list(range(6))
    assert run.predict(bare.set_axis(list("abcdef")))["id"].tolist() == list("abcdef")


def test_repeated_ids_are_predicted_all_the_same(run, new):
    assert run.predict(pd.concat([new, new]))["id"].tolist() == new["ticket_id"].tolist() * 2


def test_a_mapping_a_series_or_a_list_of_rows_are_rows(run, new):
    expected = run.predict(new)
    for rows in (dict(new.iloc[2]), new.iloc[2], [dict(new.iloc[2])]):
        got = run.predict(rows)
        assert got["label"].tolist() == [expected["label"][2]]
        assert got["p_value"].tolist() == [expected["p_value"][2]]


def test_a_row_with_nothing_in_it_gets_equal_probabilities(run):
    assert run.predict_proba([{"note": None, "shop": None}]) == pytest.approx(np.full((1, 3), 1 / 3), abs=1e-4)


def test_rows_with_none_of_the_columns_are_refused(run):
    with pytest.raises(SchemaError, match="at least one of the columns note, weight_kg, shop; got colour"):
        run.predict(pd.DataFrame({"colour": ["red"]}))


@pytest.mark.parametrize("empty", [pd.DataFrame(), pd.DataFrame({"note": []})])
def test_no_rows_are_refused(empty, run):
    with pytest.raises(SourceError, match="has no rows: at least one row with one column is needed"):
        run.predict(empty)


def test_embed_gives_unit_length_float32(run, new):
    embeddings = run.embed(new)
    assert embeddings.dtype == np.float32
    assert embeddings.shape == (6, run.index.dim)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)


def test_a_row_an_embedding_and_a_table_of_one_row_find_the_same(run, tickets):
    frame = tickets()
    embedding = run.embed(frame)[3]
    expected = run.retrieve(frame.iloc[3], k=5)
    assert expected["id"][0] == "T-003"
    assert expected["similarity"][0] == pytest.approx(1, abs=1e-5)
    assert list(expected) == ["id", "similarity", "label", "is_predicted", "text"]
    assert (expected["similarity"].diff().dropna() <= 0).all()
    for query in (dict(frame.iloc[3]), frame.iloc[[3]], embedding, embedding[None], embedding.astype(float) * 7):
        assert run.retrieve(query, k=5)["id"].tolist() == expected["id"].tolist()


def test_a_row_of_the_source_does_not_find_itself(run, tickets):
    found = run.retrieve_row("T-003", k=100)["id"].tolist()
    assert len(found) == 44 and "T-003" not in found


def test_k_above_the_number_of_rows_gives_all_rows(run):
    assert sorted(run.retrieve("battery dead", k=1000)["id"]) == [f"T-{row:03}" for row in range(45)]


@pytest.mark.parametrize(
    ("query", "error", "message"),
    [
        ("  ", ConfigError, "expected words to search for, got an empty text"),
        (None, ConfigError, "expected a text, the path of an image or a sound, a row or an embedding .* got NoneType"),
        (5, ConfigError, "got int"),
        (Path("nope.png"), ConfigError, "file 'nope.png' cannot be read .No such file or directory."),
        (np.ones(3), ShapeError, r"expected an embedding of shape \(\d+,\), got \(3,\)"),
        ({"note": None}, SchemaError, "there is nothing in the query to compare rows with"),
        ({"colour": "red"}, SchemaError, "at least one of the columns"),
    ],
)
def test_queries_that_cannot_be_searched_for_are_refused(query, error, message, run):
    with pytest.raises(error, match=message):
        run.retrieve(query)


def test_a_row_cannot_be_searched_for_by_one_modality_alone(run):
    with pytest.raises(ConfigError, match=r"a row or an embedding \(these two without `to`\) .* got dict"):
        run.retrieve({"note": "battery dead"}, to="image")


def test_a_source_without_images_cannot_be_searched_by_image(run, tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "query.png")
    with pytest.raises(SchemaError, match="this run has no image column to compare with"):
        run.retrieve(tmp_path / "query.png")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda run: run.retrieve("battery", k=0), "k must be at least 1, got 0"),
        (lambda run: run.retrieve_row("T-003", k=0), "k must be at least 1, got 0"),
        (lambda run: run.anomalies(0), "limit must be at least 1, got 0"),
        (lambda run: run.suggest_labels(0), "n must be at least 1, got 0"),
        (lambda run: run.cluster(2), "expected 3 .the classes. to 36 .*, got 2"),
        (lambda run: run.cluster(1000), "expected 3 .the classes. to 36 .*, got 1000"),
    ],
)
def test_numbers_out_of_range_are_refused(call, message, run):
    with pytest.raises(ConfigError, match=message):
        call(run)


def test_an_unknown_row_id_is_refused_with_examples(run):
    with pytest.raises(SchemaError, match=r"no row has the id 'zzz'. The source's ids look like T-000, T-001, T-002"):
        run.retrieve_row("zzz")


def test_cluster_gives_every_row_a_named_group_and_keeps_classes_together(run):
    groups = run.cluster(5)
    assert list(groups) == ["id", "cluster", "name", "is_new"]
    assert len(groups) == 45 and groups["cluster"].nunique() == 5
    labelled = np.array([label is not None for label in run.rows.labels])
    assert groups["name"][labelled].tolist() == [label for label in run.rows.labels if label]
    summary = run.cluster_summary(5)
    assert list(summary) == ["cluster", "name", "is_new", "n_rows", "words", "central_rows"]
    assert summary["n_rows"].sum() == 45


def test_anomalies_are_listed_strangest_first(run):
    found = run.anomalies(1000)
    assert list(found) == ["id", "anomaly_score", "reason", "nearest_normal", "text"]
    assert len(found) == 45 and (found["anomaly_score"].diff().dropna() <= 0).all()
    assert run.anomalies(3)["id"].tolist() == found["id"].tolist()[:3]


def test_suggestions_are_unlabelled_rows(run):
    found = run.suggest_labels(1000)
    assert list(found) == ["id", "label", "probability", "reason", "text"]
    assert sorted(found["id"]) == [f"T-{row:03}" for row in range(12, 45)]


def test_metrics_name_accuracy_with_interval_baseline_modalities_and_timings(run):
    metrics = run.metrics
    found = metrics["leave_one_out"]
    assert found["n"] == 12 and 0 <= found["low"] <= found["accuracy"] <= found["high"] <= 1
    assert metrics["baseline"]["method"] == "nearest prototype on frozen features"
    assert {"text", "table"} <= set(metrics["modalities"])
    assert sum(result["weight"] for result in metrics["modalities"].values()) == pytest.approx(1)
    assert set(metrics["classes"]) == {"late", "power", "size"}
    assert {"read", "encode", "adapt", "predict", "index"} <= set(metrics["timings"])
