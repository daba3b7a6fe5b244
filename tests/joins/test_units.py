import pytest

from metafuse.joins.units import parse_drift, parse_duration, parse_length


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("5 min", 300.0), ("90 s", 90.0), ("-2 h", -7200.0), ("1 day 6 h", 108_000.0), ("250ms", 0.25), (30, 30.0)],
)
def test_durations_are_read_in_seconds(written, seconds):
    assert parse_duration(written) == pytest.approx(seconds)


@pytest.mark.parametrize(("written", "metres"), [("250 m", 250.0), ("1.5 km", 1500.0), ("1mi", 1609.344), (10, 10.0)])
def test_lengths_are_read_in_metres(written, metres):
    assert parse_length(written) == pytest.approx(metres)


@pytest.mark.parametrize(
    ("written", "seconds_a_day"), [("2 s/day", 2.0), ("-50 ms/h", -1.2), ("20 ppm", 1.728), (0.5, 0.5)]
)
def test_drifts_are_read_in_seconds_a_day(written, seconds_a_day):
    assert parse_drift(written) == pytest.approx(seconds_a_day)


@pytest.mark.parametrize("parse", [parse_duration, parse_length, parse_drift])
@pytest.mark.parametrize("wrong", ["", "90", "far", "5 parsecs", "2 s/parsec", True, None, []])
def test_what_is_none_of_them_is_refused_with_an_example(parse, wrong):
    with pytest.raises(ValueError, match="such as '"):
        parse(wrong)
