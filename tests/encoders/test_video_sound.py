import numpy as np
import pytest

from metafuse.encoders import WRAPPING_ENCODERS
from metafuse.encoders.audio_statistics import AudioStatisticsEncoder
from metafuse.encoders.base import Encoded, Encoder
from metafuse.encoders.containers import read_track
from metafuse.encoders.sound import write_wav
from metafuse.encoders.video_sound import VideoSoundEncoder

RATE = 16_000


class RefusingEncoder:
    modality = "audio"
    dim = 2
    fingerprint = "refusing"

    def encode(self, values, progress=None):
        return Encoded(np.zeros((len(values), 2), np.float32), dict.fromkeys(range(len(values)), "is no speech"))


def chirp(seconds: float = 1.0) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    return (0.5 * np.sin(2 * np.pi * (300 + 400 * t) * t)).astype(np.float32)


def test_it_is_registered_and_encodes_the_track(make_video):
    encoder = WRAPPING_ENCODERS.build("video sound", AudioStatisticsEncoder())
    assert isinstance(encoder, Encoder)
    assert (encoder.modality, encoder.dim) == ("audio", AudioStatisticsEncoder.dim)
    content = make_video(sound=chirp())
    expected = AudioStatisticsEncoder().encode([write_wav(read_track(content))]).matrix
    encoded = encoder.encode([content])
    assert np.array_equal(encoded.matrix, expected)
    assert np.linalg.norm(encoded.matrix[0]) == pytest.approx(1, abs=1e-6)


def test_the_track_is_close_to_the_sound_it_was_made_of(make_video):
    from metafuse.encoders.containers import Track

    alone = AudioStatisticsEncoder().encode([write_wav(Track(chirp(2), RATE))]).matrix[0]
    within = VideoSoundEncoder(AudioStatisticsEncoder()).encode([make_video(sound=chirp(2))]).matrix[0]
    assert alone @ within > 0.8


def test_a_video_without_sound_or_with_silence_has_a_row_of_zeros_and_no_failure(make_video):
    counts = []
    values = [make_video(), make_video(sound=np.zeros(RATE, np.float32)), make_video(sound=chirp())]
    encoded = VideoSoundEncoder(AudioStatisticsEncoder()).encode(values, counts.append)
    assert encoded.failures == {}
    assert encoded.matrix.any(axis=1).tolist() == [False, False, True]
    assert counts == [1, 1, 1]


def test_what_does_not_decode_is_a_failure(make_video):
    encoded = VideoSoundEncoder(AudioStatisticsEncoder()).encode([b"x" * 90, make_video(sound=chirp())])
    assert list(encoded.failures) == [0]
    assert encoded.failures[0].startswith("does not decode")
    assert encoded.matrix.any(axis=1).tolist() == [False, True]


def test_what_the_audio_encoder_refuses_is_a_failure(make_video):
    encoded = VideoSoundEncoder(RefusingEncoder()).encode([make_video(), make_video(sound=chirp())])
    assert encoded.failures == {1: "has sound that is no speech"}


def test_no_values_give_an_empty_matrix():
    assert VideoSoundEncoder(RefusingEncoder()).encode([]).matrix.shape == (0, 2)


def test_fingerprint_holds_the_audio_encoders():
    assert "refusing" in VideoSoundEncoder(RefusingEncoder()).fingerprint
    assert "av " in VideoSoundEncoder(RefusingEncoder()).fingerprint
