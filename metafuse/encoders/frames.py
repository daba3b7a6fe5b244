"""Frames of a video, evenly spread: short ones decoded through, long ones by seeking, so that work is bounded."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from metafuse.encoders.containers import open_container, picture_stream
from metafuse.encoders.pixels import MAX_PIXELS
from metafuse.sources.media import MediaError

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

MAX_SIDE = 512
"""Frames larger than this are made smaller; image encoders look at 224 pixels or fewer."""
MAX_DECODED = 1_500
"""Frames decoded one after the other, a minute at 25 a second; a video that is known to have more is sought in."""
MAX_UNKNOWN = 20_000
"""Frames decoded of a video that does not say how long it is, or cannot be sought in; the rest is left out."""
MAX_KEPT = 64
"""Frames held while a video is decoded through: 50 MB at their largest."""
MAX_AFTER_SEEK = 300
"""Frames decoded from a key frame on to reach a wanted time."""
LEAST_SHARE = 0.9
"""A video whose data end before this share of the duration it states was cut off."""


def sample_frames(content: bytes, n_frames: int) -> list[bytes]:
    """Take frames of a video, evenly over its duration.

    Args:
        content: Bytes of the file.
        n_frames: Most frames to take; a video that has fewer gives all of them.
    Returns:
        Each frame as the bytes of an image file (PPM), upright, in order of time.
    Raises:
        MediaError: the bytes do not decode, hold no frames, are cut off, or have too many pixels.
        MissingExtraError: PyAV is not installed.
    """
    with open_container(content) as container:
        stream = _stream_of(container)
        length_s = _length_s(container, stream)
        if length_s is None or length_s * float(stream.average_rate or 25) <= MAX_DECODED:
            return _decoded_frames(container, stream, length_s, n_frames)
        found = _sought_frames(container, stream, length_s, n_frames)
    if found is not None:
        return found
    with open_container(content) as container:  # from the start again
        return _decoded_frames(container, _stream_of(container), length_s, n_frames)


def _stream_of(container: "InputContainer") -> "VideoStream":
    stream = picture_stream(container)
    if stream is None:
        raise MediaError("has no frames: it holds no moving pictures")
    if stream.codec_context is None:
        raise MediaError("holds pictures in a format that is not known")
    _check_size(stream.codec_context.width, stream.codec_context.height)
    stream.thread_type = "AUTO"
    return stream


def _length_s(container: "InputContainer", stream: "VideoStream") -> float | None:
    """Duration of the pictures as the file states it, or of the whole file; None where it states none."""
    found = [float(stream.duration * stream.time_base)] if stream.duration and stream.time_base else []
    # An AVI that was cut off has its duration and average rate corrected, but not these two.
    found += [stream.frames / float(stream.base_rate)] if stream.frames and stream.base_rate else []
    return max(found) if found else float(container.duration) / 1e6 if container.duration else None


def _decoded_frames(
    container: "InputContainer", stream: "VideoStream", length_s: float | None, n_frames: int
) -> list[bytes]:
    """Decode through, keeping every frame, then every second, every fourth ... so that few are held at a time."""
    kept: list[bytes] = []
    step = n_seen = 0
    for frame in _checked_frames(container, stream, length_s):
        if n_seen % (2**step) == 0:
            kept.append(_picture(frame))
        n_seen += 1
        if len(kept) > max(MAX_KEPT, 4 * n_frames):
            kept, step = kept[::2], step + 1
        if n_seen == MAX_UNKNOWN:
            break
    if not kept:
        raise MediaError("has no frames: none could be decoded")
    if n_seen < LEAST_SHARE * min(stream.frames, MAX_UNKNOWN):
        raise MediaError(f"is cut off: {n_seen:,} of {stream.frames:,} frames could be decoded")
    n_taken = min(n_frames, n_seen)
    middles = (np.arange(n_taken) + 0.5) * n_seen / n_taken - 0.5
    places = np.minimum(np.rint(middles / 2**step).astype(int), len(kept) - 1)
    return [kept[place] for place in places]


def _checked_frames(
    container: "InputContainer", stream: "VideoStream", length_s: float | None
) -> Iterator["VideoFrame"]:
    """Decode every frame; when the file ends early, say so."""
    start_s = float(container.start_time or 0) / 1e6
    reached_s = 0.0
    for packet in container.demux():
        if packet.pts is not None and packet.time_base is not None:
            reached_s = max(reached_s, float((packet.pts + (packet.duration or 0)) * packet.time_base) - start_s)
        if packet.stream_index == stream.index:
            yield from packet.decode()  # type: ignore[misc]
    if length_s is not None and reached_s < LEAST_SHARE * length_s:
        raise MediaError(f"is cut off: it ends after {reached_s:.1f} of {length_s:.1f} seconds")


def _sought_frames(
    container: "InputContainer", stream: "VideoStream", length_s: float, n_frames: int
) -> list[bytes] | None:
    """Take the frame at the middle of each of `n_frames` spans; None where seeking leads elsewhere."""
    assert stream.time_base is not None
    start_s = float((stream.start_time or 0) * stream.time_base)
    pictures = []
    for middle_s in (np.arange(n_frames) + 0.5) * length_s / n_frames:
        time_s = start_s + float(middle_s)
        container.seek(int(time_s / stream.time_base), stream=stream)
        frame, is_end = _frame_at(container, stream, time_s)
        is_far = frame is None or time_s - (frame.time or 0.0) > (1 - LEAST_SHARE) * length_s
        if is_far and is_end:
            raise MediaError(f"is cut off: it has no frame at {middle_s:.1f} of {length_s:.1f} seconds")
        if frame is None or is_far:
            return None
        pictures.append(_picture(frame))
    return pictures


def _frame_at(container: "InputContainer", stream: "VideoStream", time_s: float) -> "tuple[VideoFrame | None, bool]":
    """Decode up to a time, `MAX_AFTER_SEEK` frames at most: the last frame, and whether the file ended there."""
    frame = None
    for n_decoded, frame in enumerate(container.decode(stream), start=1):
        if frame.time is None or frame.time >= time_s or n_decoded == MAX_AFTER_SEEK:
            return frame, False
    return frame, True


def _picture(frame: "VideoFrame") -> bytes:
    _check_size(frame.width, frame.height)
    scale = min(1.0, MAX_SIDE / max(frame.width, frame.height))
    width, height = (max(2, round(side * scale)) for side in (frame.width, frame.height))
    pixels = frame.to_ndarray(format="rgb24", width=width, height=height, interpolation="AREA")
    upright = np.rot90(pixels, round(frame.rotation / 90))
    header = f"P6 {upright.shape[1]} {upright.shape[0]} 255\n".encode()
    return header + np.ascontiguousarray(upright).tobytes()


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise MediaError(f"has {width:,} x {height:,} pixels, more than the limit of {MAX_PIXELS:,} in all")
