import io
import time

import numpy as np
import pytest
import soundfile
from scipy.signal import resample_poly

from metafuse.encoders import AUDIO_ENCODERS
from metafuse.encoders.audio_statistics import (
    HIGH_WEIGHT,
    N_CEPSTRA,
    N_HIGH_BANDS,
    N_STEPS,
    AudioStatisticsEncoder,
    _band_power,
    _segment_means,
    _slopes,
)
from metafuse.encoders.base import Encoder

RATE = 16_000


def save(samples: np.ndarray, rate: int = RATE) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples.astype(np.float32), rate, format="WAV", subtype="FLOAT")
    return buffer.getvalue()


def vowels(*formants: float, seconds: float = 0.15, pitch: float = 120, seed: int = 0) -> np.ndarray:
    """A buzz through one resonance after the other, with a little noise."""
    pieces = []
    for formant in formants:
        t = np.arange(round(seconds * RATE)) / RATE
        harmonics = [n * pitch for n in range(1, int(3900 / pitch))]
        loud = [1 / (1 + ((hertz - formant) / 150) ** 2) for hertz in harmonics]
        waves = (level * np.sin(2 * np.pi * hertz * t) for hertz, level in zip(harmonics, loud, strict=True))
        pieces.append(sum(waves))
    samples = np.concatenate(pieces)
    return 0.1 * samples + np.random.default_rng(seed).normal(0, 1e-4, len(samples))


def encode(*samples: np.ndarray, rate: int = RATE) -> np.ndarray:
    encoded = AudioStatisticsEncoder().encode([save(each, rate) for each in samples])
    assert not encoded.failures
    return encoded.matrix


def test_it_is_the_registered_default():
    encoder = AUDIO_ENCODERS.build("statistics")
    assert isinstance(encoder, Encoder)
    assert encoder.modality == "audio"
    assert encoder.fingerprint.startswith("audio-statistics/1:(16000, 400")


def test_rows_have_unit_length_and_repeat():
    first, again = encode(vowels(500, 1500), vowels(900)), encode(vowels(500, 1500), vowels(900))
    assert first.shape == (2, AudioStatisticsEncoder.dim)
    assert first.dtype == np.float32
    assert np.linalg.norm(first, axis=1) == pytest.approx([1, 1], abs=1e-6)
    assert np.array_equal(first, again)


def test_loudness_makes_no_difference():
    loud, quiet = encode(vowels(500, 1500), vowels(500, 1500) / 100)
    assert np.allclose(loud, quiet, atol=1e-4)


def test_silence_at_the_ends_makes_little_difference():
    sound = vowels(500, 1500, 800)
    hush = np.random.default_rng(1).normal(0, 1e-5, RATE // 2)
    alone, padded, other = encode(sound, np.concatenate([hush, sound, hush]), vowels(800, 500, 1500))
    assert alone @ padded > 0.95 > alone @ other


def test_pace_and_pitch_matter_less_than_what_is_said():
    said, slower, higher, other = encode(
        vowels(500, 1500, 800),
        vowels(500, 1500, 800, seconds=0.2),
        vowels(500, 1500, 800, pitch=140),
        vowels(1500, 500, 2500),
    )
    assert min(said @ slower, said @ higher) > said @ other + 0.2


def test_files_of_8_and_16_khz_compare():
    sound = vowels(500, 1500, 800)
    narrow = encode(resample_poly(sound, 1, 2), rate=8000)[0]
    wide, other = encode(sound, vowels(800, 500, 1500))
    assert narrow @ wide > 0.9
    assert narrow @ wide > narrow @ other + 0.2


def test_frequencies_above_4_khz_count_where_a_file_can_hold_them():
    above = slice(-2 * N_HIGH_BANDS, None)
    hiss = np.random.default_rng(0).normal(0, 0.1, RATE)
    assert not encode(hiss[::2], rate=8000)[:, above].any()
    wide = encode(hiss)[0, above]
    others = 1 + 0.3**2 + 2 * 0.6**2  # the squared weights of the other blocks
    assert np.linalg.norm(wide) == pytest.approx(HIGH_WEIGHT / np.sqrt(others + HIGH_WEIGHT**2), abs=1e-6)


def test_a_tone_is_loudest_in_its_band():
    samples = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE).astype(np.float32)
    mel = [2595 * np.log10(1 + hertz / 700) for hertz in (150, 1000, 4000)]
    expected = (mel[1] - mel[0]) / (mel[2] - mel[0]) * 33 - 1  # 32 triangles between 34 equal steps in mel
    assert _band_power(samples)[:, :32].mean(axis=0).argmax() == round(expected)


def test_segments_are_means_of_equal_spans():
    frames = np.arange(4.0 * N_STEPS).reshape(-1, 1)
    assert np.allclose(_segment_means(frames).ravel(), np.arange(N_STEPS) * 4 + 1.5)
    assert np.allclose(_segment_means(np.array([[3.0, 5.0]])), [[3, 5]] * N_STEPS)


def test_slopes_of_a_line_are_its_own():
    assert np.allclose(_slopes(3.0 * np.arange(9)[:, None])[2:-2], 3)


def test_a_click_and_an_hour_are_encoded():
    click = np.zeros(30)
    click[10] = 0.5
    long = np.random.default_rng(0).normal(0, 0.1, 300 * RATE)
    assert np.isfinite(encode(click, long)).all()


def test_bad_sounds_are_failures_and_the_others_go_on():
    counts = []
    values = [b"x" * 60, save(vowels(500)), save(np.zeros(800)), save(np.zeros(0))]
    encoded = AudioStatisticsEncoder().encode(values, counts.append)
    assert encoded.failures[0].startswith("is not a sound that can be decoded")
    assert encoded.failures[2] == "is silent throughout"
    assert encoded.failures[3] == "is of zero length: it holds no samples"
    assert encoded.matrix.any(axis=1).tolist() == [False, True, False, False]
    assert counts == [1, 1, 1, 1]


def test_no_values_give_an_empty_matrix():
    assert AudioStatisticsEncoder().encode([]).matrix.shape == (0, AudioStatisticsEncoder.dim)
    assert AudioStatisticsEncoder.dim == N_CEPSTRA * 16 - 1 + 2 * N_HIGH_BANDS


def test_short_sounds_take_milliseconds():
    values = [save(vowels(500, 900, seed=seed)) for seed in range(40)]
    encoder = AudioStatisticsEncoder()
    encoder.encode(values[:1])
    start = time.perf_counter()
    encoder.encode(values)
    assert time.perf_counter() - start < 2
