"""Sound files to samples: one channel, one sampling rate, with a reason for each one refused.

Files of any rate are brought to the rate an encoder works at, so a source may mix them. libsndfile decodes (WAV, FLAC,
OGG, MP3, AIFF and others); what it does not know, such as M4A and AAC, goes through PyAV where that is installed.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from math import gcd
from typing import Any

import numpy as np
from jaxtyping import Float32

from metafuse.encoders.containers import MAX_SAMPLES, Track, read_track
from metafuse.errors import MissingExtraError
from metafuse.sources.media import Media, MediaError

MIN_RATE, MAX_RATE = 1_000, 400_000
SILENCE = 1e-5
"""Largest swing of a recording without sound: a third of the smallest step of 16 bits."""

_BLOCK = 2**22
_UNKNOWN_BYTES = 0x7F000000
"""WAV files that were written as a stream state this size or more."""
_NO_RATE = 'is an array without a sampling rate; give {"array": ..., "sampling_rate": ...} or a path to a sound file'


@dataclass(frozen=True)
class Sound:
    """One decoded sound.

    Args:
        samples: One channel; finite, and not silent.
        highest_hz: Highest frequency it can hold, from the file's own rate or the one it was brought to.
    """

    samples: Float32[np.ndarray, " n_samples"]
    highest_hz: float


def sound_libraries() -> str:
    """Name the versions of what decodes and resamples, for fingerprints.

    Raises:
        MissingExtraError: soundfile is not installed.
    """
    try:
        return f"soundfile {version('soundfile')}, scipy {version('scipy')}"
    except PackageNotFoundError as err:
        raise MissingExtraError('sounds need soundfile. Run: pip install "metafuse[audio]"') from err


def read_sound(cell: object, media: Media) -> bytes:
    """Read the sound file a cell names or holds.

    Args:
        cell: A path, the bytes of a sound file, or a dict of the `datasets` library: {"array", "sampling_rate"} or
            {"bytes", "path"}.
        media: Opens files.
    Raises:
        MediaError: there is no such file, or the cell is an array without a sampling rate.
    """
    if isinstance(cell, Mapping) and cell.get("array") is not None:
        return _file_of_array(cell["array"], cell.get("sampling_rate"))
    if isinstance(cell, np.ndarray | list | tuple):
        raise MediaError(_NO_RATE)
    return media.read(cell)


def decode_sound(content: bytes, sample_rate: int) -> Sound:
    """Decode a sound file to one channel at a rate; channels are averaged.

    Args:
        content: Bytes of the file.
        sample_rate: Samples a second of the result, whatever the file's own.
    Raises:
        MediaError: the bytes do not decode; there are no samples, only silence, or values that are no numbers; or the
            rate or length is out of bounds.
        MissingExtraError: soundfile is not installed.
    """
    track = _decode(content)
    if not MIN_RATE <= track.sample_rate <= MAX_RATE:
        raise MediaError(f"has {track.sample_rate:,} samples a second, not {MIN_RATE:,} to {MAX_RATE:,}")
    if not len(track.samples):
        raise MediaError("is of zero length: it holds no samples")
    if not np.isfinite(track.samples).all():
        raise MediaError("holds samples that are no finite numbers")
    if is_silent(track.samples):
        raise MediaError("is silent throughout")
    return Sound(_resample(track, sample_rate), min(track.sample_rate, sample_rate) / 2)


def is_silent(samples: Float32[np.ndarray, " n_samples"]) -> bool:
    """Tell whether nothing is to be heard; a constant offset is no sound."""
    return len(samples) == 0 or bool(np.ptp(samples) < SILENCE)


def write_wav(track: Track) -> bytes:
    """Write a sound as the bytes of a WAV file of 32-bit floats; the same sound gives the same bytes."""
    # libsndfile would write the time of day into the file, and the feature cache would not know it again.
    from scipy.io import wavfile

    buffer = io.BytesIO()
    wavfile.write(buffer, track.sample_rate, track.samples.astype(np.float32))
    return buffer.getvalue()


def _file_of_array(array: object, sample_rate: object) -> bytes:
    if not isinstance(sample_rate, int | float | np.number) or not MIN_RATE <= sample_rate <= MAX_RATE:
        raise MediaError(_NO_RATE if sample_rate is None else f"has the sampling rate {sample_rate!r}")
    try:
        samples = np.asarray(array, dtype=np.float32)
    except (TypeError, ValueError) as err:
        raise MediaError("holds an array that is not made of numbers") from err
    if samples.ndim not in (1, 2):
        raise MediaError(f"holds an array of shape {samples.shape}; a sound has one axis, or channels and time")
    if samples.ndim == 2:
        samples = samples.mean(axis=int(np.argmin(samples.shape)))
    return write_wav(Track(samples, int(sample_rate)))


def _decode(content: bytes) -> Track:
    soundfile = _import_soundfile()
    if not content:
        raise MediaError("is empty (0 bytes)")
    _check_whole(content)
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            return _read_mono(file)
    except soundfile.LibsndfileError as err:
        reason = f"is not a sound that can be decoded ({str(err.error_string).strip().rstrip('.')})"
        if find_spec("av") is None:
            raise MediaError(f'{reason}; more formats are read with: pip install "metafuse[video]"') from err
        try:
            track = read_track(content)
        except MediaError as second:
            raise MediaError(f"{reason}; read as a container, it {second}") from second
        if track is None:
            raise MediaError(reason) from err
        return track


def _check_whole(content: bytes) -> None:
    """Refuse a WAV file that was cut off, of which libsndfile reads what there is without a word."""
    stated = int.from_bytes(content[4:8], "little") + 8
    is_wav = content[:4] == b"RIFF" and content[8:12] == b"WAVE"
    if is_wav and stated < _UNKNOWN_BYTES and len(content) < 0.99 * stated:  # some writers are off by a few bytes
        raise MediaError(f"is cut off: it holds {len(content):,} of {stated:,} bytes")


def _read_mono(file: Any) -> Track:
    samples = []
    n_samples = 0
    # Read in blocks: a header may promise less than there is, and a small file may unpack to very much.
    for block in file.blocks(max(1, _BLOCK // file.channels), dtype="float32", always_2d=True):
        n_samples += len(block)
        if n_samples > MAX_SAMPLES:
            raise MediaError(_too_long())
        samples.append(block.mean(axis=1))
    promised = file.frames
    if n_samples < promised < 2**62:
        raise MediaError(f"is cut off: it holds {n_samples:,} of {promised:,} samples")
    return Track(np.concatenate([np.zeros(0, np.float32), *samples]), int(file.samplerate))


def _resample(track: Track, sample_rate: int) -> Float32[np.ndarray, " n_samples"]:
    if track.sample_rate == sample_rate:
        return track.samples
    from scipy.signal import resample_poly

    if len(track.samples) * sample_rate > MAX_SAMPLES * track.sample_rate:
        raise MediaError(_too_long())
    shared = gcd(sample_rate, track.sample_rate)
    return resample_poly(track.samples, sample_rate // shared, track.sample_rate // shared).astype(np.float32)


def _too_long() -> str:
    return f"is too long: more than {MAX_SAMPLES:,} samples are not read; cut it into pieces"


def _import_soundfile() -> Any:
    try:
        import soundfile  # type: ignore[import-untyped]
    except ImportError as err:
        raise MissingExtraError('sounds need soundfile. Run: pip install "metafuse[audio]"') from err
    return soundfile
