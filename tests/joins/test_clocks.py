import numpy as np
import pytest

from metafuse.errors import SchemaError
from metafuse.joins.clocks import Clock, estimate_clock

DAY = 86_400.0
START = 1.7e9


def shown(times, offset, drift):
    """What a clock shows that is `offset` ahead at the first time and gains `drift` a day."""
    origin = times[0] + offset
    return (times + offset - drift / DAY * origin) / (1 - drift / DAY)


def events(n, days, seed=0):
    return START + np.sort(np.random.default_rng(seed).uniform(0, days * DAY, n))


@pytest.mark.parametrize(("offset", "drift"), [(90.0, 2.0), (-700.0, -10.0), (0.0, 0.0)])
def test_offset_and_drift_are_found_among_events_of_one_side_only(offset, drift):
    generator = np.random.default_rng(1)
    times = events(400, 20)
    kept = shown(times, offset, drift)[np.sort(generator.choice(400, 300, replace=False))]
    others = generator.uniform(kept[0], kept[-1], 600)
    right = np.concatenate([kept + generator.normal(0, 0.2, 300), others])
    clock = estimate_clock(times, right, "sensors")
    assert clock.drift_s_per_day == pytest.approx(drift, abs=0.02)
    assert np.abs(clock.correct(shown(times, offset, drift)) - times).max() < 0.2
    assert "pairs of times, which agree within 0." in clock.notes[0]


def test_a_beat_is_aligned_by_the_least_correction_and_said_so():
    times = START + np.arange(0, 10 * DAY, 3600)
    right = shown(START + np.arange(0, 10 * DAY, 300), 90.0, 2.0)
    clock = estimate_clock(times, right, "sensors")
    assert (clock.offset_s, clock.drift_s_per_day) == (pytest.approx(90, abs=0.01), pytest.approx(2, abs=0.001))
    assert "a beat of about" in clock.notes[1]
    further = estimate_clock(times, right, "sensors", start_s=400.0)
    assert further.offset_s == pytest.approx(390, abs=0.01)


@pytest.mark.parametrize(
    ("left", "right", "reason"),
    [
        (events(300, 20), events(300, 20, seed=5), r"at most \d+ pairs of times agree, where chance makes \d"),
        (events(300, 20), events(300, 20) + 365 * DAY, "0 pairs of times"),
        (np.zeros(0), events(3, 1), "0 pairs of times"),
        (START + np.arange(0, 5 * DAY, 3600.0), START + 150 + np.arange(0, 5 * DAY, 300.0), "-150 .* fit alike"),
    ],
)
def test_what_the_times_do_not_tell_is_refused(left, right, reason):
    with pytest.raises(SchemaError, match=rf"join 'sensors': offset and drift .*{reason}.* Give them, as in offset"):
        estimate_clock(left, right, "sensors")


def test_a_clock_is_corrected_by_hand():
    clock = Clock(origin_s=1000.0, offset_s=10.0, drift_s_per_day=2.0)
    assert clock.correct(np.array([1000.0, 1000.0 + DAY])).tolist() == [990.0, 1000.0 + DAY - 12.0]
