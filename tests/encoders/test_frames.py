import io

import numpy as np
import pytest
from PIL import Image

from metafuse.encoders import frames as module
from metafuse.encoders.frames import sample_frames
from metafuse.encoders.pixels import decode_image
from metafuse.sources.media import MediaError


def levels(pictures: list[bytes]) -> list[float]:
    return [float(np.asarray(decode_image(picture)).mean()) for picture in pictures]


def tone(seconds: float) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * 16_000)) / 16_000)).astype(np.float32)


@pytest.mark.parametrize("kind", ["mp4", "avi", "matroska", "mpegts"])
def test_frames_are_the_middles_of_equal_spans(make_video, kind):
    # 12 frames in 4 spans: the frames 1, 4, 7, 10, each 21 grey levels brighter than the one before
    assert levels(sample_frames(make_video(12, kind=kind), 4)) == pytest.approx([21, 85, 148, 212], abs=6)


def test_a_video_of_few_frames_gives_all_of_them(make_video):
    assert levels(sample_frames(make_video(2), 8)) == pytest.approx([0, 127], abs=4)


@pytest.mark.parametrize("kind", ["mp4", "avi", "matroska"])
def test_a_long_video_is_sought_in(make_video, kind, monkeypatch):
    content = make_video(200, kind=kind)
    monkeypatch.setattr(module, "MAX_DECODED", 50)

    def refuse(*_arguments):
        raise AssertionError("decoded through")

    monkeypatch.setattr(module, "_decoded_frames", refuse)
    assert levels(sample_frames(content, 4)) == pytest.approx([31, 95, 159, 223], abs=4)


def test_a_video_that_cannot_be_sought_in_is_decoded_through(make_video, monkeypatch):
    monkeypatch.setattr(module, "MAX_DECODED", 50)
    monkeypatch.setattr(module, "_frame_at", lambda *_: (None, False))
    assert levels(sample_frames(make_video(100), 2)) == pytest.approx([63, 190], abs=6)


def test_a_video_of_unknown_length_is_thinned_as_it_is_decoded(make_video, monkeypatch):
    monkeypatch.setattr(module, "_length_s", lambda *_: None)
    assert levels(sample_frames(make_video(100), 4)) == pytest.approx([31, 95, 158, 222], abs=8)
    monkeypatch.setattr(module, "MAX_UNKNOWN", 50)
    assert levels(sample_frames(make_video(100), 2)) == pytest.approx([31, 95], abs=6)


def test_large_frames_come_smaller_in_their_shape(make_video):
    picture = sample_frames(make_video(3, size=(1280, 640)), 1)[0]
    assert decode_image(picture).size == (512, 256)


def test_too_many_pixels_are_refused_before_decoding(make_video, monkeypatch):
    monkeypatch.setattr(module, "MAX_PIXELS", 3000)
    with pytest.raises(MediaError, match=r"has 64 x 48 pixels, more than the limit of 3,000"):
        sample_frames(make_video(), 4)


@pytest.mark.parametrize(("content", "message"), [(b"", r"is empty \(0 bytes\)"), (b"hello " * 40, "does not decode")])
def test_what_is_no_video_is_refused(content, message):
    with pytest.raises(MediaError, match=message):
        sample_frames(content, 4)


def test_a_container_with_sound_only_has_no_frames(make_video):
    with pytest.raises(MediaError, match="has no frames: it holds no moving pictures"):
        sample_frames(make_video(n_frames=0, sound=tone(1)), 4)


@pytest.mark.parametrize(("kind", "share"), [("avi", 0.5), ("avi", 0.8), ("matroska", 0.5), ("matroska", 0.75)])
@pytest.mark.parametrize("with_sound", [True, False])
def test_a_video_that_was_cut_off_is_refused(make_video, kind, share, with_sound):
    content = make_video(60, kind=kind, sound=tone(6) if with_sound else None)
    # of a short AVI that ends in its first frames, FFmpeg cannot even tell the format
    with pytest.raises(MediaError, match=r"is cut off: (it ends after|[\d,]+ of 60 frames)|does not decode"):
        sample_frames(content[: int(share * len(content))], 4)


def test_an_mp4_file_that_was_cut_off_does_not_decode(make_video):
    content = make_video(60)
    with pytest.raises(MediaError, match="does not decode"):
        sample_frames(content[: len(content) // 2], 4)


def test_a_long_video_that_was_cut_off_is_refused(make_video, monkeypatch):
    monkeypatch.setattr(module, "MAX_DECODED", 50)
    content = make_video(200, kind="matroska")
    with pytest.raises(MediaError, match="is cut off: it has no frame at"):
        sample_frames(content[: len(content) // 2], 4)


def test_a_turned_video_comes_upright(make_video):
    import av

    buffer = io.BytesIO(make_video(4, size=(64, 32)))
    with av.open(buffer) as container:
        frame = next(container.decode(video=0))
    pixels = np.zeros((32, 64, 3), dtype=np.uint8)
    pixels[:, 32:] = 255  # bright on the right, which is up after a quarter turn to the left

    class Turned:
        width, height, rotation = frame.width, frame.height, 90

        def to_ndarray(self, **_):
            return pixels

    image = Image.open(io.BytesIO(module._picture(Turned())))
    assert image.size == (32, 64)
    assert np.asarray(image)[:32].min() == 255 and np.asarray(image)[32:].max() == 0
