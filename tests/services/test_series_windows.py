import numpy as np
import pytest

from metafuse.errors import ShapeError
from metafuse.services.anomaly import find_anomalies
from metafuse.services.series_windows import (
    WINDOW,
    average_lasting,
    cut_windows,
    describe_windows,
    find_window_anomalies,
    measure_windows,
)


def daily(n_steps: int = 1600, n_channels: int = 1) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.sin(np.arange(n_steps) / 10) + 0.1 * rng.standard_normal((n_channels, n_steps))


@pytest.mark.parametrize(
    ("change", "reason"),
    [(lambda part: part + 3, "highest"), (lambda part: part * 0, "spread"), (lambda part: part * 4, "spread")],
)
def test_a_stretch_unlike_the_rest_is_found_with_its_reason(change, reason):
    series = daily()
    series[:, 800:860] = change(series[:, 800:860])
    found = find_window_anomalies(series, device="cpu")
    top = int(found.anomalies.anomaly_score.argmax())
    assert 760 <= found.starts[top] <= 880
    inside = int(np.abs(found.starts - 820).argmin())
    assert reason in [name for name, _ in found.anomalies.reasons(inside, limit=20)]


def test_one_channel_of_several_is_named():
    series = daily(n_channels=2)
    series[1, 800:860] += 4
    found = find_window_anomalies(series, n_lasting=1, device="cpu")
    top = int(found.anomalies.anomaly_score.argmax())
    assert 780 <= found.starts[top] < 860
    assert any(name.endswith("of channel 2") for name, _ in found.anomalies.reasons(top))
    assert not any(name.endswith("of channel 1") for name, _ in found.anomalies.reasons(top))


def test_the_unit_of_a_series_changes_nothing():
    series = daily()
    first, second = (find_window_anomalies(each, device="cpu") for each in (series, 1000 * series + 7))
    np.testing.assert_allclose(first.anomalies.anomaly_score, second.anomalies.anomaly_score, atol=0.02)


def test_windows_overlap_by_half_and_reach_the_end():
    windows, starts = cut_windows(np.arange(11.0)[None], 4)
    assert starts.tolist() == [0, 2, 4, 6, 7]
    assert windows[:, 0].tolist()[0] == [0, 1, 2, 3]
    assert windows[:, 0].tolist()[-1] == [7, 8, 9, 10]


def test_a_window_is_told_by_values_and_changes_in_order():
    windows = np.array([[[0.0, 2.0, 1.0]], [[1.0, 0.0, 2.0]]])  # mean 1, variance 2/3
    features = describe_windows(windows)
    unit = np.sqrt(1.5)
    assert features.matrices[WINDOW] == pytest.approx(np.array([[-1, 0, 1, -1, 2]] * 2) * unit)
    numbers = measure_windows(windows)
    assert numbers["level"].tolist() == [1, 1]
    assert numbers["largest change"].tolist() == [2, 2]
    assert numbers["mean change"].tolist() == [1.5, 1.5]


def test_scores_are_averaged_over_neighbours():
    assert average_lasting(np.array([0.0, 0.0, 3.0, 0.0, 0.0]), 3).tolist() == [0, 1, 1, 1, 0]
    assert average_lasting(np.array([0.0, 2.0]), 1).tolist() == [0, 2]


def test_overlapping_windows_do_not_excuse_each_other():
    series = daily()
    series[:, 800:830] = np.linspace(5, 6, 30)
    windows, starts = cut_windows(series, 20)
    features = describe_windows(windows)
    apart = find_anomalies(features, n_overlapping=2, device="cpu").shares[WINDOW]
    together = find_anomalies(features, device="cpu").shares[WINDOW]
    inside = (starts >= 800) & (starts <= 810)
    assert apart[inside].mean() <= together[inside].mean()


def test_gaps_and_constant_series_are_no_anomaly_by_themselves():
    series = daily()
    series[0, 100:103] = np.nan
    assert np.isfinite(find_window_anomalies(series, device="cpu").anomalies.anomaly_score).all()
    flat = find_window_anomalies(np.full((1, 400), 3.0), device="cpu").anomalies
    assert np.ptp(flat.anomaly_score) == pytest.approx(0)


def test_a_short_series_is_refused():
    with pytest.raises(ShapeError, match="series of at least 160 steps, this one has 50"):
        find_window_anomalies(np.zeros((1, 50)))
