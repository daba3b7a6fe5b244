from metafuse.columns.nested_kinds import kind_of_lists, kind_of_media, kind_of_places


def test_media_are_told_by_half_of_the_cells():
    assert kind_of_media([b"fLaC", b"ID3", b"?", None]) == ("audio", "holds sounds")
    assert kind_of_media([b"fLaC", b"%PDF-1.4", b"?"]) is None
    assert kind_of_media([]) is None


def test_places_need_a_name_or_the_look_of_degrees():
    pairs = [(48.1, 11.5), (52.5, 13.4)]
    assert kind_of_places(pairs, ["gps"]) == ("geo", "latitude and longitude in one cell")
    assert kind_of_places(pairs, ["size"]) is None
    assert kind_of_places(["48.1374, 11.5755", "52.5208, 13.4051"], ["x"]) is not None
    assert kind_of_places(["0.1374, 0.5755", "0.5208, 0.4051"], ["x"]) is None


def test_one_place_alone_and_places_off_the_globe_are_none():
    assert kind_of_places(["48.1374, 11.5755"] * 5, ["gps"]) is None
    assert kind_of_places(["480.1, 11.5", "520.1, 13.5"], ["gps"]) is None


def test_lists_of_one_length_are_vectors_by_name_or_by_being_short():
    rows = [[float(place + row) for place in range(12)] for row in range(3)]
    assert kind_of_lists(rows, ["clip", "embedding"]) == (
        "vector",
        "12 numbers in every cell, and 'embedding' in the name",
    )
    assert kind_of_lists(rows, ["load"])[0] == "series"
    assert kind_of_lists([row[:7] for row in rows], ["load"])[0] == "vector"
    assert kind_of_lists([*rows, rows[0][:9]], ["embedding"])[0] == "series"


def test_a_few_broken_lists_leave_vectors_what_their_name_says():
    rows = [[float(place + row) for place in range(16)] for row in range(19)]
    assert kind_of_lists([*rows, [1.0, 2.0, 3.0]], ["embedding"]) == (
        "vector",
        "16 numbers in 95% of the cells, and 'embedding' in the name",
    )
    assert kind_of_lists([*rows[:18], [1.0, 2.0, 3.0]], ["embedding"])[0] == "series"
    assert kind_of_lists([*rows, [1.0, 2.0, 3.0]], ["load"])[0] == "series"


def test_a_tenth_of_the_cells_may_be_broken():
    rows = [list(range(10))] * 9
    assert kind_of_lists([*rows, "broken"], ["load"])[0] == "series"
    assert kind_of_lists([*rows, "broken", "broken"], ["load"]) is None
    assert kind_of_lists([], ["load"]) is None
