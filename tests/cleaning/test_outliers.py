import numpy as np
import pandas as pd
import pytest

from metafuse.cleaning.outliers import fit_outliers

AGES = np.arange(20.0, 80.0)


def impossible(values) -> tuple[float, ...]:
    rule, _ = fit_outliers("column", pd.Series(values))
    return () if rule is None else rule.impossible


@pytest.mark.parametrize("number", [-999.0, -99.0, 9999.0, 2147483647.0, 1e9])
def test_numbers_written_for_nothing_far_from_all_others_are_impossible(number):
    values = pd.Series([*AGES, number, number])
    assert impossible(values) == (number,)
    rule, _ = fit_outliers("column", values)
    assert rule.replace(values).rows.tolist() == [60, 61]


def test_such_a_number_once_is_reported_only():
    assert impossible([*AGES, 9999.0]) == ()
    _, findings = fit_outliers("age", pd.Series([*AGES, 9999.0]))
    assert [(found.n_cells, found.what) for found in findings] == [(1, "9999 may stand for a missing value; left")]


@pytest.mark.parametrize(
    "values",
    [
        [*AGES, 5000.0, 5000.0],  # far, but a number like any other
        [*AGES * 100, 9999.0, 9999.0],  # within reach of the others
        [*np.linspace(-2000, 2000, 60), -999.0, -999.0],  # within the others
        [*np.zeros(80), *np.linspace(1000, 40_000, 20), 99_999.0, 99_999.0],  # the cap of a long tail
        [5.0, 6.0, -999.0, -999.0],  # too few to tell
    ],
)
def test_what_may_be_a_value_stays_one(values):
    assert impossible(values) == ()


def test_lone_zeros_are_reported_and_stay():
    pressure = [*AGES, 0.0, 0.0, 0.0]
    rule, findings = fit_outliers("pressure", pd.Series(np.array(pressure) + np.where(np.array(pressure) > 0, 40, 0)))
    assert rule is None
    assert [(found.n_cells, found.what[:40]) for found in findings] == [(3, "0 stands apart from the others, 60 to 11")]


def test_numbers_written_as_text_are_read():
    values = pd.Series([*[f"{age:.0f},5 kg" for age in AGES], "-999 kg", "-999"])
    rule, _ = fit_outliers("weight", values)
    assert rule.decimal == ","
    assert rule.replace(values).rows.tolist() == [60, 61]
