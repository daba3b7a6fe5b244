import builtins
import io
import time

import numpy as np
import pytest
import soundfile

from metafuse.encoders import sound as module
from metafuse.encoders.containers import Track
from metafuse.encoders.sound import decode_sound, is_silent, read_sound, write_wav
from metafuse.errors import MissingExtraError
from metafuse.sources.media import Media, MediaError


def tone(hertz: float = 440, seconds: float = 0.5, rate: int = 8000, peak: float = 0.5) -> np.ndarray:
    return (peak * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def save(samples: np.ndarray, rate: int = 8000, kind: str = "WAV", subtype: str | None = None) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=kind, subtype=subtype)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("kind", "subtype", "tolerance"),
    [
        ("WAV", "PCM_U8", 0.01),
        ("WAV", "PCM_16", 1e-4),
        ("WAV", "PCM_24", 1e-6),
        ("WAV", "FLOAT", 0),
        ("WAV", "DOUBLE", 0),
        ("WAV", "ULAW", 0.02),
        ("FLAC", "PCM_16", 1e-4),
        ("AIFF", "PCM_16", 1e-4),
        ("OGG", "VORBIS", 0.05),
    ],
)
def test_every_kind_of_file_gives_its_samples(kind, subtype, tolerance):
    samples = tone()
    decoded = decode_sound(save(samples, kind=kind, subtype=subtype), 8000)
    assert decoded.samples.dtype == np.float32
    assert np.abs(decoded.samples - samples).max() <= tolerance
    assert decoded.highest_hz == 4000


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 44100, 48000])
def test_any_rate_is_brought_to_the_one_asked_for(rate):
    decoded = decode_sound(save(tone(rate=rate), rate, subtype="FLOAT"), 16000)
    middle = slice(1000, 7000)  # the filter's ends ring
    assert len(decoded.samples) == pytest.approx(8000, abs=1)
    assert np.allclose(decoded.samples[middle], tone(rate=16000)[middle], atol=2e-3)
    assert decoded.highest_hz == min(rate, 16000) / 2


def test_channels_are_averaged():
    left, right = tone(), tone(300)
    decoded = decode_sound(save(np.stack([left, right], axis=1), subtype="FLOAT"), 8000)
    assert np.allclose(decoded.samples, (left + right) / 2, atol=1e-6)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"hello " * 50, "is not a sound that can be decoded"),
        (save(np.zeros(0, np.float32)), "is of zero length: it holds no samples"),
        (save(np.zeros(800, np.float32)), "is silent throughout"),
        (save(np.full(800, 0.3, np.float32)), "is silent throughout"),
        (save(np.array([0.1, np.nan, 0.2], np.float32), subtype="FLOAT"), "holds samples that are no finite numbers"),
        (save(np.array([0.1, np.inf, 0.2], np.float32), subtype="FLOAT"), "holds samples that are no finite numbers"),
        (save(tone(), rate=20), "has 20 samples a second, not 1,000 to 400,000"),
        (save(tone(), rate=500_000), "has 500,000 samples a second"),
    ],
    ids=["empty", "text", "no samples", "zeros", "constant", "nan", "infinite", "slow", "fast"],
)
def test_what_is_no_sound_is_refused(content, message):
    with pytest.raises(MediaError, match=message):
        decode_sound(content, 8000)


def test_a_flac_file_that_was_cut_off_is_refused():
    noise = np.random.default_rng(0).normal(0, 0.1, 40_000).astype(np.float32)
    content = save(noise, kind="FLAC")
    with pytest.raises(MediaError, match=r"is cut off: it holds [\d,]+ of 40,000 samples|can be decoded"):
        decode_sound(content[: len(content) // 2], 8000)


def test_a_wav_file_that_was_cut_off_is_refused():
    content = save(tone())
    with pytest.raises(MediaError, match="is cut off: it holds 4,022 of 8,044 bytes"):
        decode_sound(content[: len(content) // 2], 8000)


def test_a_wav_file_written_as_a_stream_is_read():
    content = save(tone())
    streamed = content[:4] + b"\xff\xff\xff\xff" + content[8:40] + b"\xff\xff\xff\xff" + content[44:]
    assert np.array_equal(decode_sound(streamed, 8000).samples, decode_sound(content, 8000).samples)


def test_too_many_samples_are_refused_while_reading(monkeypatch):
    monkeypatch.setattr(module, "MAX_SAMPLES", 1000)
    with pytest.raises(MediaError, match="is too long: more than 1,000 samples are not read; cut it into pieces"):
        decode_sound(save(tone()), 8000)


def test_too_many_samples_at_the_rate_asked_for_are_refused(monkeypatch):
    monkeypatch.setattr(module, "MAX_SAMPLES", 5000)
    assert len(decode_sound(save(tone()), 8000).samples) == 4000
    with pytest.raises(MediaError, match="is too long: more than 5,000 samples"):
        decode_sound(save(tone()), 16000)


def test_silence_ignores_an_offset():
    assert is_silent(np.full(5, 0.2, np.float32)) and is_silent(np.zeros(0, np.float32))
    assert not is_silent(np.array([0, 2**-15], np.float32))


def test_a_path_and_bytes_are_read_as_they_are(tmp_path):
    content = save(tone())
    (tmp_path / "a.wav").write_bytes(content)
    media = Media(root=tmp_path)
    assert read_sound("a.wav", media) == content
    assert read_sound(content, media) == content
    assert read_sound({"bytes": content, "path": "b.wav"}, media) == content
    assert read_sound({"bytes": None, "path": "a.wav"}, media) == content
    with pytest.raises(MediaError, match=r"b\.wav is missing"):
        read_sound("b.wav", media)


def test_an_array_with_its_rate_becomes_a_file_with_the_same_samples():
    samples = tone()
    content = read_sound({"array": samples, "sampling_rate": 8000, "path": "gone.wav"}, Media())
    assert np.array_equal(decode_sound(content, 8000).samples, samples)
    assert read_sound({"array": samples.tolist(), "sampling_rate": 8000}, Media()) == content
    stereo = read_sound({"array": np.stack([samples, 0 * samples]), "sampling_rate": 8000}, Media())
    assert np.allclose(decode_sound(stereo, 8000).samples, samples / 2)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (np.zeros(5, np.float32), "is an array without a sampling rate; give"),
        ([0.1, 0.2], "is an array without a sampling rate"),
        ({"array": [0.1, 0.2]}, "is an array without a sampling rate"),
        ({"array": [0.1, 0.2], "sampling_rate": "8 kHz"}, "has the sampling rate '8 kHz'"),
        ({"array": [0.1, 0.2], "sampling_rate": 2}, "has the sampling rate 2"),
        ({"array": ["a", "b"], "sampling_rate": 8000}, "holds an array that is not made of numbers"),
        ({"array": np.zeros((2, 2, 2)), "sampling_rate": 8000}, r"holds an array of shape \(2, 2, 2\)"),
    ],
)
def test_an_array_that_is_no_sound_is_refused(cell, message):
    with pytest.raises(MediaError, match=message):
        read_sound(cell, Media())


def test_a_written_file_is_the_same_each_time():
    assert write_wav(Track(tone(), 8000)) == write_wav(Track(tone(), 8000))


def test_formats_of_containers_go_through_pyav(make_video):
    decoded = decode_sound(make_video(n_frames=0, sound=tone(rate=16000), kind="mp4"), 16000)
    middle = decoded.samples[3000:7000]
    assert np.abs(middle).max() == pytest.approx(0.5, abs=0.05)


def test_a_container_that_cannot_be_read_says_so_beside_the_first_reason(make_video):
    content = make_video(n_frames=0, sound=tone(rate=16000), kind="mp4")
    with pytest.raises(
        MediaError, match=r"is not a sound that can be decoded \(.*\); read as a container, it does not"
    ):
        decode_sound(content[: len(content) // 2], 16000)
    with pytest.raises(MediaError, match=r"is not a sound that can be decoded \([^)]*\)$"):
        decode_sound(make_video(), 16000)


def test_many_channels_are_averaged():
    samples = np.tile(tone(seconds=0.05)[:, None], (1, 200))
    assert np.allclose(decode_sound(save(samples, subtype="FLOAT"), 8000).samples, samples[:, 0], atol=1e-6)


def test_a_missing_library_is_told_with_its_command(monkeypatch):
    original = builtins.__import__

    def refuse(name, *arguments, **options):
        if name == "soundfile":
            raise ImportError(name)
        return original(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtraError, match=r'pip install "metafuse\[audio\]"'):
        decode_sound(b"RIFF", 8000)


def test_a_sound_in_memory_has_the_same_bytes_each_time(monkeypatch):
    cell = {"array": tone(), "sampling_rate": 8000}
    first = read_sound(cell, Media())
    monkeypatch.setattr(time, "time", lambda: 4e9)
    assert read_sound(cell, Media()) == first
    np.testing.assert_allclose(decode_sound(first, 8000).samples, tone(), atol=1e-6)
