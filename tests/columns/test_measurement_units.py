import pytest

from metafuse.columns.measurement_units import convert, find_unit


@pytest.mark.parametrize(
    ("number", "unit", "to", "expected"),
    [
        (1500, "g", "kg", 1.5),
        (2, "lb", "g", 907.18474),
        (5, "mi", "km", 8.04672),
        (1.5, "h", "min", 90),
        (68, "°F", "°C", 20),
        (0, "°C", "K", 273.15),
        (2, "years", "months", 24),
        (250, "mL", "l", 0.25),
        (36, "km/h", "m/s", 10),
        (1, "m²", "cm2", 10_000),
        (0.1, "m", "mm", 100),
    ],
)
def test_units_of_one_dimension_convert(number, unit, to, expected):
    assert convert(float(number), find_unit(unit), find_unit(to)) == expected


@pytest.mark.parametrize("text", ["", "€", "EUR", "boxes", "M", "Mb", "MW h", "gal", "K€", "C"])
def test_what_is_unknown_or_could_be_two_things_has_no_unit(text):
    assert find_unit(text) is None


def test_case_and_points_make_no_difference_where_they_tell_nothing():
    assert find_unit("KG") == find_unit("kg.") == find_unit("Kg")
    assert find_unit("MW") != find_unit("mW")
