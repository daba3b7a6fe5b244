"""Video and sound containers, opened with PyAV: their pictures' stream, and their sound as one channel."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32

from metafuse.errors import MissingExtraError
from metafuse.sources.media import MediaError

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

MAX_SAMPLES = 60_000_000
"""Most samples of a sound, at its own rate and at the one it is brought to: 20 minutes at 48 kHz, an hour at 16 kHz."""

_NO_OTHER_FILES = {"protocol_whitelist": "none"}
"""Playlists name other files and addresses, which FFmpeg would open."""


@dataclass(frozen=True)
class Track:
    """The sound of a container.

    Args:
        samples: One channel, about -1..1.
        sample_rate: Samples a second.
    """

    samples: Float32[np.ndarray, " n_samples"]
    sample_rate: int


def av_version() -> str:
    """Name the installed version of PyAV, for fingerprints.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return f"av {version('av')}"
    except PackageNotFoundError as err:
        raise MissingExtraError('videos need PyAV. Run: pip install "metafuse[video]"') from err


@contextmanager
def open_container(content: bytes) -> "Iterator[InputContainer]":
    """Open the bytes of a container; what goes wrong inside the `with` block is told as decoding that failed.

    Raises:
        MediaError: the bytes are no container, or a damaged one.
        MissingExtraError: PyAV is not installed.
    """
    try:
        import av
    except ImportError as err:
        raise MissingExtraError('videos need PyAV. Run: pip install "metafuse[video]"') from err
    if not content:
        raise MediaError("is empty (0 bytes)")
    try:
        with av.open(io.BytesIO(content), mode="r", metadata_errors="replace", options=_NO_OTHER_FILES) as container:
            yield container
    except (av.error.FFmpegError, ValueError) as err:  # ValueError: streams that change their format on the way
        raise MediaError(f"does not decode ({_in_words(err)})") from err


def picture_stream(container: "InputContainer") -> "VideoStream | None":
    """Find the stream of moving pictures; covers of songs are none."""
    from av.stream import Disposition

    streams = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    return streams[0] if streams else None


def read_track(content: bytes) -> Track | None:
    """Decode the first sound stream of a container, its channels averaged.

    Returns:
        The sound, which may hold no samples; None where there is no sound stream.
    Raises:
        MediaError: it does not decode, or is too long.
        MissingExtraError: PyAV is not installed.
    """
    with open_container(content) as container:
        if not container.streams.audio:
            return None
        stream = container.streams.audio[0]
        if stream.codec_context is None or not stream.rate:
            raise MediaError("holds sound in a format that is not known")
        pieces = list(_one_channel(container, stream))
        return Track(np.concatenate([np.zeros(0, np.float32), *pieces]), int(stream.rate))


def _one_channel(container: "InputContainer", stream: "AudioStream") -> Iterator[np.ndarray]:
    import av

    # The layout stays: averaging here keeps the level, which FFmpeg's own mixing to mono does not.
    resampler = av.AudioResampler(format="fltp", rate=stream.rate)
    n_samples = 0
    for frame in chain(container.decode(stream), [None]):
        for piece in resampler.resample(frame):
            n_samples += piece.samples
            if n_samples > MAX_SAMPLES:
                raise MediaError(f"has too long a sound: more than {MAX_SAMPLES:,} samples are not read")
            yield piece.to_ndarray().mean(axis=0, dtype=np.float32)


def _in_words(err: Exception) -> str:
    text = getattr(err, "strerror", None) or str(err)
    return str(text).strip().rstrip(".") or type(err).__name__
