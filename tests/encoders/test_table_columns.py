import numpy as np
import pandas as pd
import pytest

from metafuse.encoders.table_columns import CategoricalColumn, DatetimeColumn, NumericColumn


def test_numbers_are_scaled_like_skrubs_squashing_scaler():
    from skrub import SquashingScaler

    values = pd.Series(np.random.default_rng(0).lognormal(size=200))
    column = NumericColumn.fit("price", values)
    expected = SquashingScaler(max_absolute_value=3.0).fit_transform(values.to_numpy()[:, None])
    assert np.allclose(column.encode(values)[0], expected - expected.mean(), atol=1e-12)


def test_mostly_equal_numbers_are_scaled_like_skrubs_squashing_scaler():
    from skrub import SquashingScaler

    values = pd.Series([0.0] * 20 + [5.0, 10.0])
    expected = SquashingScaler(max_absolute_value=3.0).fit_transform(values.to_numpy()[:, None])
    assert np.allclose(NumericColumn.fit("gain", values).encode(values)[0], expected - expected.mean(), atol=1e-12)


def test_an_absurd_number_stays_within_reach():
    column = NumericColumn.fit("price", pd.Series([1.0, 2.0, 3.0, 4.0]))
    far, near = column.encode(pd.Series([1e12, 4.0]))[0].ravel()
    assert near < far <= 3.1


@pytest.mark.parametrize("number", [1e300, 1.7e308])
def test_a_number_whose_square_is_infinite_is_far_and_not_average(number):
    column = NumericColumn.fit("price", pd.Series([0.1, 0.2, 0.3, 0.4]))
    below, far, absurd = column.encode(pd.Series([-number, 1e12, number]))[0].ravel()
    assert absurd == pytest.approx(far)
    assert below < -2.9


def test_unreadable_and_missing_numbers_add_nothing():
    column = NumericColumn.fit("weight", pd.Series(["1,5 kg", "2,5 kg", "4,0 kg"]))
    matrix, present, n_unreadable = column.encode(pd.Series(["2,5 kg", "heavy", None], dtype=object))
    assert present.tolist() == [True, False, False]
    assert not matrix[1:].any()
    assert n_unreadable == 1


def test_bytes_in_a_column_of_dates_are_unreadable_and_no_failure():
    column = DatetimeColumn.fit("when", pd.Series(["2024-01-01", "2024-02-03", "2024-03-05"]))
    _, present, n_unreadable = column.encode(pd.Series([b"", b"\x95\xff", "2024-02-01"], dtype=object))
    assert present.tolist() == [False, False, True]
    assert n_unreadable == 2


@pytest.mark.parametrize("fit", [NumericColumn.fit, CategoricalColumn.fit, DatetimeColumn.fit])
@pytest.mark.parametrize("values", [[], [None, None], ["2024-01-01", "2024-01-01"]])
def test_a_column_that_does_not_vary_is_left_out(fit, values):
    assert fit("column", pd.Series(values, dtype=object)) is None


def test_categories_are_centred_one_hot():
    values = pd.Series(["red", "red", "red", "blue", "blue", None])
    column = CategoricalColumn.fit("colour", values)
    assert column.categories == ("red", "blue")
    matrix, present, _ = column.encode(values)
    assert matrix[0] == pytest.approx([0.4, -0.4])
    assert matrix[3] == pytest.approx([-0.6, 0.6])
    assert matrix[5].tolist() == [0, 0]
    assert present.tolist() == [True] * 5 + [False]


def test_rare_categories_share_a_feature_and_unknown_ones_add_nothing():
    column = CategoricalColumn.fit("shop", pd.Series(["a"] * 4 + ["b"] * 3 + ["c", "d"]))
    assert (column.categories, column.rare) == (("a", "b"), ("c", "d"))
    matrix, present, _ = column.encode(pd.Series(["c", "d", "e"]))
    assert np.array_equal(matrix[0], matrix[1])
    assert matrix[0].any()
    assert not matrix[2].any()
    assert present.all()


def test_lists_have_one_feature_per_part():
    values = pd.Series(["Cool|Indoor", "Indoor", "Cool|Indoor|Spring", "Spring | Cool"])
    column = CategoricalColumn.fit("climate", values)
    assert column.separator == "|"
    assert column.categories == ("Cool", "Indoor", "Spring")
    assert (column.encode(values)[0] > 0).tolist() == [
        [True, True, False],
        [False, True, False],
        [True, True, True],
        [True, False, True],
    ]


def test_a_sign_in_few_cells_is_no_list():
    assert CategoricalColumn.fit("pattern", pd.Series(["plain", "plain", "dots", "dots", "a|b"])).separator == ""


@pytest.mark.parametrize("stored", [[1, 2], [1.0, 2.0], ["1", "2"]])
def test_whole_numbers_are_the_same_category_however_stored(stored):
    column = CategoricalColumn.fit("year", pd.Series([1.0, 1.0, 2.0, 2.0, np.nan]))
    assert (column.encode(pd.Series(stored))[0] > 0).tolist() == [[True, False], [False, True]]


def test_cells_that_hold_lists_do_not_stop_it():
    column = CategoricalColumn.fit("tags", pd.Series([["a"], ["a"], ["b"], ["b"]]))
    assert column.dim == 2


def test_dates_keep_only_the_cycles_they_run_through():
    days = pd.Series(pd.date_range("2024-01-01", periods=30, freq="D"))
    assert DatetimeColumn.fit("day", days).cycles == ("weekday",)
    hours = pd.Series(pd.date_range("2023-01-01", periods=20_000, freq="h"))
    assert DatetimeColumn.fit("hour", hours).cycles == ("hour", "weekday", "month")


def test_an_hour_is_the_same_point_of_the_circle_each_day():
    hours = pd.Series(pd.date_range("2024-01-01", periods=72, freq="h"))
    column = DatetimeColumn.fit("at", hours)
    matrix, _, _ = column.encode(hours)
    assert matrix[5, 1:3] == pytest.approx(matrix[29, 1:3])
    assert not np.allclose(matrix[5, 1:3], matrix[17, 1:3])


def test_missing_dates_add_nothing():
    column = DatetimeColumn.fit("at", pd.Series(["2024-01-01", "2024-03-01"]))
    matrix, present, n_unreadable = column.encode(pd.Series(["2024-02-01", None, "soon"]))
    assert present.tolist() == [True, False, False]
    assert not matrix[1:].any()
    assert n_unreadable == 1


def test_counts_since_1970_are_dates():
    counts = pd.Series(np.arange(100) * 86_400 + 1_700_000_000)
    dates = pd.to_datetime(counts, unit="s")
    matrix, present, n_unreadable = DatetimeColumn.fit("created_at", counts).encode(counts)
    assert np.array_equal(matrix, DatetimeColumn.fit("created_at", dates).encode(dates)[0])
    assert (present.all(), n_unreadable) == (True, 0)
