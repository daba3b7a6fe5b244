import json

import numpy as np
import pytest

from metafuse.errors import ConfigError, SchemaError, SourceError
from metafuse.sources.join_report import unmatched_table
from metafuse.task import load_task, open_any

TICKETS = "id,opened_at,shop,note\n1,2024-05-01 12:00,north,dead\n2,2024-05-01 13:00,south,late\n3,,west,\n"
SENSORS = "measured_at,temperature,note\n2024-05-01 10:01,20.5,a\n2024-05-01 10:03,22.5,b\n2024-05-02 10:00,30,c\n"
SHOPS = "shop,lat,manager\nnorth,54,Ann\nsouth,48,Bob\nNorth,54,Cid\n"

BY_TIME = """
[[join]]
source = "sensors.csv"
by = "time"
left = "opened_at"
right = "measured_at"
tolerance = "5 min"
left_zone = "Europe/Berlin"
"""
BY_KEY = """
[[join]]
source = "shops.csv"
by = "key"
left = "shop"
take = ["manager"]
"""


@pytest.fixture
def write(tmp_path):
    def task(joins, name="dept"):
        for file, content in (("tickets", TICKETS), ("sensors", SENSORS), ("shops", SHOPS)):
            (tmp_path / f"{file}.csv").write_text(content)
        path = tmp_path / f"{name}.toml"
        path.write_text(f'name = "{name}"\n[source]\npath = "tickets.csv"\n{joins}')
        return path

    return task


def test_joins_apply_in_order_and_keep_every_row_once(write):
    dataset = open_any(write(BY_TIME + BY_KEY)).source.read()
    assert list(dataset.frame) == ["id", "opened_at", "shop", "note", "temperature", "sensors_note", "manager"]
    assert dataset.frame["id"].tolist() == [1, 2, 3]
    np.testing.assert_array_equal(dataset.frame["temperature"], [20.5, np.nan, np.nan])
    assert dataset.frame["manager"].tolist()[:2] == ["Ann", "Bob"]
    assert [report.name for report in dataset.joins] == ["sensors", "shops"]


def test_rows_that_met_none_are_reported_with_the_reason(write):
    report = open_any(write(BY_TIME)).source.read().joins[0]
    assert (report.n_left, report.n_matched, report.n_right, report.n_right_unused) == (3, 1, 3, 2)
    assert report.n_several == 1
    assert (report.unit, report.median_distance) == ("s", 60.0)
    assert unmatched_table([report]).to_numpy().tolist() == [
        ["sensors", "left", 2, "have no time"],
        ["sensors", "left", 1, "have no row of 'sensors' within 300 s"],
        ["sensors", "right", 1, "were taken by no row"],
        ["sensors", "right", 2, "were taken by no row"],
    ]
    assert report.unmatched[1].examples == ("row 1: 2024-05-01 13:00",)


def test_readings_within_the_tolerance_become_a_series(write):
    frame = open_any(write(BY_TIME + 'several = "list"')).source.read().frame
    assert json.loads(frame["temperature"].iloc[0]) == [20.5, 22.5]
    assert frame["sensors_note"].iloc[0] == "a\nb"
    assert frame["temperature"].isna().tolist() == [False, True, True]


def test_a_join_that_multiplies_rows_is_refused_with_the_count(write, tmp_path):
    task = write(BY_KEY)
    (tmp_path / "shops.csv").write_text("shop,manager\nnorth,Ann\nnorth,Bob\nnorth,Cid\neast,Dan\neast,Eve\n")
    with pytest.raises(
        SchemaError,
        match=r"join 'shops' would make 5 rows of 3: 1 key occurs more than once in 'shops'\. Aggregate it first, or "
        r"choose several = 'first', 'mean' or 'list'",
    ):
        open_any(task).source.read()
    task.write_text(task.read_text() + 'several = "first"\n')
    assert open_any(task).source.read().frame["manager"].tolist()[0] == "Ann"


def test_several_near_rows_can_be_refused_too(write):
    with pytest.raises(
        SchemaError, match="join 'sensors' would make 4 rows of 3: 1 row of it have more than one row of 'sensors' near"
    ):
        open_any(write(BY_TIME + 'several = "refuse"')).source.read()


def test_places_are_joined_within_a_radius(tmp_path, write):
    task = write('[[join]]\nsource = "stops.csv"\nby = "place"\nleft = ["lat", "lon"]\nradius = "1 km"')
    (tmp_path / "tickets.csv").write_text("lat,lon\n48.1,11.5\n95,0\n")
    (tmp_path / "stops.csv").write_text("lat,lon,stop\n48.101,11.5,Centre\n48.2,11.5,North\n")
    dataset = open_any(task).source.read()
    assert dataset.frame["stop"].iloc[0] == "Centre"
    assert [(part.reason, part.rows.tolist()) for part in dataset.joins[0].unmatched] == [
        ("lie outside the globe", [1]),
        ("were taken by no row", [1]),
    ]


def test_keys_are_joined_by_meaning_with_the_tasks_text_model(write, tiny_text_model):
    joins = BY_KEY.replace('"key"', '"meaning"') + f"[adapt]\ntext_model = '{tiny_text_model}'"
    dataset = open_any(write(joins)).source.read()
    assert dataset.frame["manager"].tolist()[:2] == ["Ann", "Bob"]
    assert dataset.joins[0].n_several == 1  # "North" is "north" too


def test_another_task_can_be_joined_but_not_to_itself(write, tmp_path, monkeypatch):
    write(BY_KEY, "inner")
    outer = write('[[join]]\nsource = "inner.toml"\nname = "in"\nby = "key"\nleft = "id"', "outer")
    dataset = open_any(outer).source.read()
    assert "manager" in dataset.frame and "in_note" in dataset.frame
    assert [report.name for report in dataset.joins] == ["shops", "in"]
    loop = write('[[join]]\nsource = "loop.toml"\nby = "key"\nleft = "id"', "loop")
    with pytest.raises(ConfigError, match="task 'loop' joins 'loop', which is joined to itself"):
        open_any(loop)


def test_a_source_that_is_not_there_is_named(write):
    with pytest.raises(SourceError, match=r"task 'dept': no source 'nope\.csv' to join: expected a file or folder in"):
        open_any(write('[[join]]\nsource = "nope.csv"\nby = "key"\nleft = "id"'))


def test_a_column_that_is_not_there_is_named(write):
    task = write(BY_KEY.replace('left = "shop"', 'left = "shop"\nright = "store"'))
    with pytest.raises(SchemaError, match=r"join 'shops': 'shops' has no column 'store'\. It has: shop, lat, manager"):
        open_any(task).source.read()


def test_a_join_without_columns_proposes_some(write, tiny_text_model):
    joins = BY_KEY.replace('left = "shop"\n', "") + f"[adapt]\ntext_model = '{tiny_text_model}'"
    with pytest.raises(ConfigError, match=r"join 'shops' names no columns .* left = 'shop', right = 'shop' \(conf"):
        open_any(write(joins)).source.read()


def test_proposals_say_what_the_join_uses(write, tiny_text_model):
    source = open_any(write(BY_KEY + f"[adapt]\ntext_model = '{tiny_text_model}'")).source
    best = source.propose()[0]
    assert (best["join"], best["left"], best["right"], best["used"]) == ("shops", "shop", "shop", True)
    assert 0.3 <= best["confidence"] <= 1


def test_proposals_need_no_text_model(write, tmp_path):
    source = open_any(write(BY_KEY + f"[adapt]\ntext_model = '{tmp_path / 'none'}'")).source
    assert source.propose()[0]["left"] == "shop"


def test_labels_are_never_proposed(write, tmp_path):
    path = write(BY_KEY + f"[adapt]\ntext_model = '{tmp_path / 'none'}'")
    rows = [f"{row},s{row},{('late', 'broken')[row % 2]}" for row in range(8)]
    (tmp_path / "tickets.csv").write_text("\n".join(["id,shop,reason", *rows]))
    (tmp_path / "shops.csv").write_text("\n".join(["number,shop,reason", *rows]))
    offered = [(found["left"], found["right"]) for found in open_any(path).source.propose()]
    assert ("shop", "shop") in offered
    assert "reason" not in {name for pair in offered for name in pair}


def test_batches_hold_what_read_does(write):
    source = open_any(write(BY_TIME + BY_KEY)).source
    names = [name for batch in source.batches() for name in batch.schema.names]
    assert names == list(source.read().frame)
    assert sum(batch.num_rows for batch in source.batches()) == 3


def test_the_fingerprint_follows_every_source_and_the_join(write, tmp_path):
    prints = {open_any(write(joins)).source.fingerprint for joins in (BY_TIME, BY_KEY, BY_TIME.replace("5", "6"), "")}
    assert len(prints) == 4
    task = write(BY_TIME)
    before = open_any(task).source.fingerprint
    assert open_any(task).source.fingerprint == before
    (tmp_path / "sensors.csv").write_text(SENSORS + "2024-05-03 10:00,31,d\n")
    assert open_any(task).source.fingerprint != before


def test_bad_rows_of_both_sides_are_kept_apart(write, tmp_path):
    task = write(BY_KEY)
    (tmp_path / "shops.csv").write_text("shop,manager\nnorth,Ann\nsouth,Bob,extra\n")
    quarantine = open_any(task).source.read().quarantine
    assert [bad.row_id for bad in quarantine] == ["shops: line 3"]


def test_files_of_another_folder_are_refused(write, tmp_path, photo):
    (tmp_path / "photos").mkdir()
    photo((200, 10, 10)).save(tmp_path / "photos" / "a.png")
    (tmp_path / "photos" / "shots.csv").write_text("shop,photo\nnorth,a.png\nsouth,a.png\n")
    task = write('[[join]]\nsource = "photos/shots.csv"\nby = "key"\nleft = "shop"')
    with pytest.raises(SourceError, match="join 'shots': column 'photo' names files beside another table"):
        open_any(task).source.read()


@pytest.mark.parametrize(
    ("joins", "message"),
    [
        (
            '[[join]]\nsource = "a.csv"\nby = "key"\ncolour = 1',
            r"unknown key 'join.0.colour'\. Known here: by, .*tolerance",
        ),
        ('[[join]]\nsource = "a.csv"\nby = "time"\nleft = "a"', "'join.0': .*needs a tolerance"),
        ('[[join]]\nby = "key"', "'join.0.source': Field required"),
    ],
)
def test_mistakes_in_the_task_file_are_named(joins, message, write):
    with pytest.raises(ConfigError, match=message):
        load_task(write(joins))
