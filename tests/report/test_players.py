import base64
import io
from fractions import Fraction

import numpy as np
import pytest

from metafuse.report.players import SIDE, sound_player, video_player
from metafuse.sources.media import MediaError

soundfile = pytest.importorskip("soundfile")
av = pytest.importorskip("av")


def tone(seconds: float, rate: int = 8000) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def wav(seconds: float) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(seconds), 8000, format="WAV")
    return buffer.getvalue()


def video(seconds: float, *, has_sound: bool = False) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        pictures = container.add_stream("mpeg4", rate=10)
        pictures.width, pictures.height, pictures.pix_fmt = 640, 360, "yuv420p"
        sound = container.add_stream("aac", rate=8000, layout="mono") if has_sound else None
        for number in range(int(10 * seconds)):
            pixels = np.full((360, 640, 3), 5 * number % 255, dtype=np.uint8)
            container.mux(pictures.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(pictures.encode(None))
        if sound is not None:
            samples = tone(seconds)
            for start in range(0, len(samples), 1024):
                frame = av.AudioFrame.from_ndarray(samples[None, start : start + 1024], format="fltp", layout="mono")
                frame.sample_rate, frame.pts, frame.time_base = 8000, start, Fraction(1, 8000)
                container.mux(sound.encode(frame))
            container.mux(sound.encode(None))
    return buffer.getvalue()


def content(uri: str, kind: str) -> io.BytesIO:
    head, _, body = uri.partition(",")
    assert head == f"data:{kind};base64"
    return io.BytesIO(base64.b64decode(body))


def test_the_first_ten_seconds_of_a_sound_are_kept():
    samples, rate = soundfile.read(content(sound_player(wav(25)), "audio/mpeg"))
    assert rate == 16_000
    assert len(samples) / rate == pytest.approx(10, abs=0.2)
    assert np.abs(samples).max() == pytest.approx(0.3, abs=0.05)


def test_the_first_six_seconds_of_a_video_are_kept_and_small():
    with av.open(content(video_player(video(9)), "video/mp4")) as made:
        frames = list(made.decode(video=0))
        assert not made.streams.audio
    assert len(frames) == pytest.approx(48, abs=2)
    assert (frames[0].width, frames[0].height) == (SIDE, 134)


def test_a_video_keeps_its_sound():
    with av.open(content(video_player(video(2, has_sound=True)), "video/mp4")) as made:
        n_samples = sum(frame.samples for frame in made.decode(audio=0))
    assert n_samples / 16_000 == pytest.approx(2, abs=0.3)


@pytest.mark.parametrize("make", [sound_player, video_player])
def test_what_does_not_decode_is_refused_with_the_reason(make):
    with pytest.raises(MediaError, match="decode"):
        make(b"neither sound nor video")
