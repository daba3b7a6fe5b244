import pandas as pd

from metafuse.columns.column_roles import find_ids, find_label
from metafuse.columns.modality_rules import Facts, Verdict, kind_of


def _judge(**columns: list) -> tuple[list[Facts], dict[str, Verdict]]:
    facts = [Facts.of(name, pd.Series(cells)) for name, cells in columns.items()]
    return facts, {each.name: kind_of(each) for each in facts}


def test_the_strongest_label_name_wins():
    facts, _ = _judge(outcome=list("xxyy"), return_reason=list("uuvv"), intent=list("ppqq"))
    assert find_label(facts) == ("intent", "by its name only; 2 classes on 4 of 4 rows")
    assert find_label(_judge(text=["a b", "c d"])[0]) is None


def test_one_column_names_the_rows_and_further_identifiers_are_ignored():
    found = find_ids(*_judge(order_key=list("wxyz"), id=[4, 9, 2, 7], note=["a b", "c d", "e f", "g h"]))
    assert found == {"id": ("id", "unique whole numbers, named 'id'"), "order_key": ("ignored", "a second identifier")}


def test_lists_and_places_are_no_ids():
    series = ["[1,2,3,4,5,6,7,8]", "[2,3,4,5,6,7,8,9]", "[3,4,5,6,7,8,9,0]"]
    assert find_ids(*_judge(load=series, note=["a b", "c d", "e f"])) == {}
    places = ["48.1374,11.5755", "52.5208,13.4051", "50.1109,8.6821"]
    assert find_ids(*_judge(at=places, note=["a b", "c d", "e f"])) == {}


def test_the_only_files_of_a_source_are_content():
    assert find_ids(*_judge(filename=["a.wav", "b.wav", "c.wav"])) == {}
    assert find_ids(*_judge(filename=["a.odt", "b.odt", "c.odt"]))["filename"][0] == "id"
