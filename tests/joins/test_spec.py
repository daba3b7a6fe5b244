import pytest
from pydantic import ValidationError

from metafuse.joins.spec import JoinSpec


def spec(**options):
    return JoinSpec(source="other.csv", **options)


def test_units_are_read_and_one_column_needs_no_list():
    found = spec(by="time", left="at", right="measured", tolerance="5 min", offset="90 s", drift="2 s/day")
    assert (found.left, found.right, found.tolerance, found.offset, found.drift) == (("at",), ("measured",), 300, 90, 2)
    assert spec(by="time", left="at", tolerance="1 s", drift="estimate").drift == "estimate"
    assert spec(by="place", left=["lat", "lon"], radius="2 km").radius == 2000


@pytest.mark.parametrize(("by", "more", "expected"), [("key", {}, "refuse"), ("time", {"tolerance": 1}, "first")])
def test_only_keys_refuse_several_matches_unless_told(by, more, expected):
    assert spec(by=by, left="k", **more).when_several == expected
    assert spec(by=by, left="k", several="mean", **more).when_several == "mean"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "time", "left": "at"}, "needs a tolerance, such as tolerance = '5 min'"),
        ({"by": "place", "left": ["a", "b"]}, "needs a radius, such as radius = '250 m'"),
        (
            {"by": "key", "left": "a", "radius": "1 m"},
            r"radius: does not fit by = 'key', which takes source.*several",
        ),
        ({"by": "meaning", "left": "a", "several": "mean"}, "several: does not fit by = 'meaning'"),
        ({"by": "time", "left": "a", "tolerance": "soon"}, "expected a duration with its unit"),
        ({"by": "time", "left": "a", "tolerance": "-5 s"}, "greater than or equal to 0"),
        ({"by": "place", "left": ["a", "b"], "radius": "near"}, "expected a distance with its unit"),
        ({"by": "time", "left": "a", "tolerance": 1, "drift": "fast"}, "expected 'estimate' or a drift"),
        ({"by": "time", "left": "a", "tolerance": 1, "left_zone": "Berlin"}, "name of a time zone"),
        ({"by": "place", "left": "a", "radius": 1}, "left names 1 columns, .* needs latitude and longitude"),
        ({"by": "time", "left": ["a", "b"], "tolerance": 1}, "left names 2 columns, .* needs 1 column"),
        ({"by": "key", "left": ["a", "b"], "right": "c"}, "right names 1 columns, .* needs 2 columns"),
        ({"by": "key", "right": "c"}, "right needs left"),
        ({"by": "smell"}, "'key', 'time', 'place' or 'meaning'"),
    ],
)
def test_mistakes_are_named(options, message):
    with pytest.raises(ValidationError, match=message):
        spec(**options)
