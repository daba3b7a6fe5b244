"""Sounds without any pretrained weights: mel cepstra and how they move through the recording.

The offline default. Silence at the ends is cut off, the rest divided into `N_STEPS` equal segments, and four blocks
describe them: the course of each cepstral coefficient over the segments, its own mean and spread taken out, so that
voice, microphone and pace matter little; the same course without its place in time; the mean; and the spread.
Frequencies above 4 kHz have a fifth block, which is zero for files that cannot hold them, so that telephone and studio
recordings compare.

Block weights and sizes were chosen once, by accuracy with five labels a class on spoken digits of speakers held out.

Reference: Davis, Mermelstein 1980, "Comparison of parametric representations for monosyllabic word recognition" (the
cepstra); Milner, Vaseghi 1995, "An analysis of cepstral-time matrices for noise and channel robust speech recognition"
(their course). The whitening of the course and the other blocks are additions.
"""

from collections.abc import Sequence
from functools import cache
from importlib.metadata import version

import numpy as np
from jaxtyping import Float
from scipy.fft import dct, rfft

from metafuse.encoders.base import Encoded, Progress
from metafuse.encoders.sound import Sound, decode_sound, sound_libraries
from metafuse.sources.media import MediaError

VERSION = 1
SAMPLE_RATE = 16_000
WINDOW, HOP, N_FFT = 400, 160, 512  # 25 and 10 ms
LOW_HZ, MIDDLE_HZ, HIGH_HZ = 150.0, 4000.0, 8000.0
N_BANDS, N_HIGH_BANDS = 32, 6
N_CEPSTRA = 16
N_STEPS, N_WAVES, N_RHYTHMS = 16, 5, 8
LOUDEST_DB, FLOOR_DB = 30.0, 60.0
"""Frames this far below the loud ones are silence at the ends; bands this far below the loudest count as silent."""
WHITENING = 0.8
"""Power of a coefficient's spread that its course is divided by; 1 would make all courses equally large."""
COURSE_WEIGHT, MEAN_WEIGHT, RHYTHM_WEIGHT, SPREAD_WEIGHT, HIGH_WEIGHT = 1.0, 0.3, 0.6, 0.6, 0.3

_PRE_EMPHASIS = 0.97
_BLOCK_FRAMES = 4096
_SLOPE_FRAMES = 2


class AudioStatisticsEncoder:
    """Cepstra of a sound (MFCC): their course over time, mean and spread, L2-normalised."""

    modality = "audio"
    dim = N_CEPSTRA * (N_WAVES + N_RHYTHMS + 3) - 1 + 2 * N_HIGH_BANDS

    @property
    def fingerprint(self) -> str:
        """Code version and constants; the libraries' versions, whose results may change, are part of it."""
        sizes = (SAMPLE_RATE, WINDOW, HOP, N_FFT, LOW_HZ, MIDDLE_HZ, HIGH_HZ, N_BANDS, N_HIGH_BANDS, N_CEPSTRA)
        course = (N_STEPS, N_WAVES, N_RHYTHMS, LOUDEST_DB, FLOOR_DB, WHITENING)
        weights = (COURSE_WEIGHT, MEAN_WEIGHT, RHYTHM_WEIGHT, SPREAD_WEIGHT, HIGH_WEIGHT)
        libraries = f"{sound_libraries()}, transformers {version('transformers')}"
        return f"audio-statistics/{VERSION}:{sizes}{course}{weights}; {libraries}"

    def encode(self, values: Sequence[bytes], progress: Progress | None = None) -> Encoded:
        """Encode the bytes of sound files."""
        matrix = np.zeros((len(values), self.dim), dtype=np.float32)
        failures: dict[int, str] = {}
        for position, content in enumerate(values):
            try:
                matrix[position] = _describe(decode_sound(content, SAMPLE_RATE))
            except MediaError as err:
                failures[position] = str(err)
            if progress is not None:
                progress(1)
        return Encoded(matrix, failures)


def _describe(sound: Sound) -> Float[np.ndarray, " dim"]:
    power = _trim(_band_power(sound.samples))
    low, high = power[:, :N_BANDS], power[:, N_BANDS:]
    floor = 10 ** (-FLOOR_DB / 10)
    cepstra = dct(np.log(low / low.max() + floor), norm="ortho", axis=1)[:, :N_CEPSTRA]
    segments = _segment_means(cepstra)
    mean = segments.mean(axis=0)
    course = segments - mean
    course /= course.std(axis=0) ** WHITENING + 1e-3
    waves = dct(course, norm="ortho", axis=0)[1 : N_WAVES + 1]
    window = np.hanning(N_STEPS + 2)[1:-1, None]
    rhythms = np.abs(rfft(course * window, 2 * N_STEPS, axis=0))[:N_RHYTHMS]
    spread = np.concatenate([np.log(cepstra.std(axis=0) + 0.1), np.log(_slopes(cepstra).std(axis=0) + 0.03)])
    loud = np.log(high / low.max() + floor)
    above = np.concatenate([loud.mean(axis=0), loud.std(axis=0)]) * (sound.highest_hz >= HIGH_HZ)
    blocks = [
        COURSE_WEIGHT * _normalise(waves.ravel()),
        MEAN_WEIGHT * _normalise(mean[1:]),
        RHYTHM_WEIGHT * _normalise(rhythms.ravel()),
        SPREAD_WEIGHT * _normalise(spread),
        HIGH_WEIGHT * _normalise(above),
    ]
    return _normalise(np.concatenate(blocks)).astype(np.float32)


def _band_power(samples: Float[np.ndarray, " n_samples"]) -> Float[np.ndarray, "n_frames n_bands"]:
    if len(samples) < WINDOW:
        samples = np.pad(samples, (0, WINDOW - len(samples)))
    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP]
    window, filters = np.hanning(WINDOW).astype(np.float32), _filters()
    blocks = (frames[start : start + _BLOCK_FRAMES] * window for start in range(0, len(frames), _BLOCK_FRAMES))
    return np.concatenate([np.abs(rfft(block, N_FFT)) ** 2 @ filters for block in blocks]).astype(np.float64)


@cache
def _filters() -> Float[np.ndarray, "n_frequencies n_bands"]:
    """Triangles equally wide in mel, on a spectrum in which high frequencies are raised as before hearing."""
    from transformers.audio_utils import mel_filter_bank

    ranges = ((N_BANDS, LOW_HZ, MIDDLE_HZ), (N_HIGH_BANDS, MIDDLE_HZ, HIGH_HZ))
    banks = [mel_filter_bank(N_FFT // 2 + 1, n_bands, low, high, SAMPLE_RATE) for n_bands, low, high in ranges]
    turns = np.exp(-2j * np.pi * np.arange(N_FFT // 2 + 1) / N_FFT)
    emphasis = np.abs(1 - _PRE_EMPHASIS * turns) ** 2
    return (emphasis[:, None] * np.concatenate(banks, axis=1)).astype(np.float32)


def _trim(power: Float[np.ndarray, "n_frames n_bands"]) -> Float[np.ndarray, "n_kept n_bands"]:
    """Cut off what is quiet at both ends."""
    loudness = power[:, :N_BANDS].sum(axis=1)
    loud = np.flatnonzero(loudness >= np.quantile(loudness, 0.98) * 10 ** (-LOUDEST_DB / 10))
    kept = power[loud[0] : loud[-1] + 1]
    if not kept[:, :N_BANDS].any():
        raise MediaError(f"is silent between {LOW_HZ:.0f} and {MIDDLE_HZ:.0f} Hz")
    return kept


def _segment_means(frames: Float[np.ndarray, "n_frames dim"]) -> Float[np.ndarray, "n_steps dim"]:
    """Average each of `N_STEPS` equal spans of time; frames on a border count to both sides in part."""
    total = np.concatenate([np.zeros((1, frames.shape[1])), np.cumsum(frames, axis=0)])
    borders = np.linspace(0, len(frames), N_STEPS + 1)
    before = np.minimum(borders.astype(int), len(frames) - 1)
    share = (borders - before)[:, None]
    at_borders = total[before] * (1 - share) + total[before + 1] * share
    return np.diff(at_borders, axis=0) * N_STEPS / len(frames)


def _slopes(frames: Float[np.ndarray, "n_frames dim"]) -> Float[np.ndarray, "n_frames dim"]:
    """Slope of the line through each frame and its neighbours, as deltas of MFCC are defined."""
    padded = np.pad(frames, ((_SLOPE_FRAMES, _SLOPE_FRAMES), (0, 0)), mode="edge")
    offsets = range(1, _SLOPE_FRAMES + 1)
    middle, n_frames = _SLOPE_FRAMES, len(frames)
    rises = [
        offset * (padded[middle + offset :][:n_frames] - padded[middle - offset :][:n_frames]) for offset in offsets
    ]
    return sum(rises) / (2 * sum(offset**2 for offset in offsets))


def _normalise(vector: Float[np.ndarray, " dim"]) -> Float[np.ndarray, " dim"]:
    norm = np.linalg.norm(vector)
    return vector / norm if norm > 0 else vector
