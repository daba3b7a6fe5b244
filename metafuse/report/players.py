"""The beginnings of sounds and videos, small enough to travel inside the page."""

import base64
import io
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from metafuse.encoders.containers import Track, open_container, picture_stream, read_track
from metafuse.encoders.sound import decode_sound
from metafuse.sources.media import MediaError

if TYPE_CHECKING:
    from av import AudioFrame, VideoFrame
    from av.container import InputContainer
    from PIL.Image import Image

SOUND_S = 10
SOUND_RATE = 16_000
VIDEO_S = 6
FRAMES_PER_S = 8
SIDE = 240


def sound_player(content: bytes) -> str:
    """Turn the first ten seconds of a sound file into an MP3 data URI.

    Raises:
        MediaError: the sound does not decode.
    """
    import soundfile  # type: ignore[import-untyped]

    samples = decode_sound(content, SOUND_RATE).samples[: SOUND_S * SOUND_RATE]
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, SOUND_RATE, format="MP3")
    return _data_uri("audio/mpeg", buffer)


def video_player(content: bytes) -> str:
    """Turn the first six seconds of a video into a small MP4 data URI, with its sound.

    Raises:
        MediaError: the video does not decode, or has no frames.
    """
    import av

    with open_container(content) as source:
        frames = _small_frames(source)
    if not frames:
        raise MediaError("has no frames")
    track = read_track(content)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as target:
        pictures = target.add_stream("libx264", rate=FRAMES_PER_S, options={"crf": "30", "preset": "veryfast"})
        pictures.width, pictures.height, pictures.pix_fmt = frames[0].width, frames[0].height, "yuv420p"
        sound = None if track is None or not len(track.samples) else target.add_stream("aac", SOUND_RATE, layout="mono")
        for number, frame in enumerate(frames):
            frame.pts, frame.time_base = number, Fraction(1, FRAMES_PER_S)
            target.mux(pictures.encode(frame))
        target.mux(pictures.encode(None))
        if sound is not None and track is not None:
            for part in _sound_frames(track):
                target.mux(sound.encode(part))
            target.mux(sound.encode(None))
    return _data_uri("video/mp4", buffer)


def first_frame(content: bytes) -> "Image":
    """Decode the first frame of a video.

    Raises:
        MediaError: the video does not decode, or has no frames.
    """
    with open_container(content) as source:
        frame = next(_even_frames(source), None)
        if frame is None:
            raise MediaError("has no frames")
        return frame.to_image()  # type: ignore[no-untyped-call,no-any-return]


def _small_frames(source: "InputContainer") -> "list[VideoFrame]":
    frames: list[VideoFrame] = []
    for frame in _even_frames(source):
        shrink = min(1.0, SIDE / max(frame.width, frame.height))
        # H.264 with subsampled colours needs even sides; all frames get those of the first.
        width, height = (max(2, int(side * shrink) // 2 * 2) for side in (frame.width, frame.height))
        first = frames[0] if frames else None
        frames.append(frame.reformat(first.width if first else width, first.height if first else height, "yuv420p"))
    return frames


def _even_frames(source: "InputContainer") -> "Iterator[VideoFrame]":
    """Frames at an even pace; where times are unknown, the first ones as they come."""
    stream = picture_stream(source)
    if stream is None:
        return
    wanted = 0
    start = None
    for frame in source.decode(stream):
        start = frame.time if start is None else start
        elapsed = wanted / FRAMES_PER_S if frame.time is None or start is None else frame.time - start
        if elapsed >= VIDEO_S:
            return
        if elapsed * FRAMES_PER_S >= wanted:
            wanted += 1
            yield frame


def _sound_frames(track: Track) -> "Iterator[AudioFrame]":
    import av

    samples = np.ascontiguousarray(track.samples[: VIDEO_S * track.sample_rate], dtype=np.float32)
    frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = track.sample_rate, 0, Fraction(1, track.sample_rate)
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=SOUND_RATE, frame_size=1024)
    yield from resampler.resample(frame)
    yield from resampler.resample(None)


def _data_uri(kind: str, buffer: io.BytesIO) -> str:
    return f"data:{kind};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
