"""Videos made by the tests."""

import io
from collections.abc import Callable, Sequence

import numpy as np
import pytest

SOUND_RATE = 16_000


@pytest.fixture(scope="session")
def make_video() -> Callable[..., bytes]:
    """Write a video whose frames are of one grey each, dark to light, and a sound as both channels of its track."""

    def make(
        n_frames: int = 20,
        *,
        sound: np.ndarray | None = None,
        kind: str = "mp4",
        size: tuple[int, int] = (64, 48),
        rate: int = 10,
        levels: Sequence[int] | None = None,
    ) -> bytes:
        import av

        buffer = io.BytesIO()
        with av.open(buffer, "w", format=kind) as container:
            pictures = container.add_stream("mpeg4", rate=rate) if n_frames else None
            codec = "pcm_s16le" if kind == "avi" else "aac"
            track = container.add_stream(codec, rate=SOUND_RATE, layout="stereo") if sound is not None else None
            if pictures is not None:
                pictures.width, pictures.height = size
                pictures.pix_fmt = "yuv420p"
                for level in levels or [at * 255 // n_frames for at in range(n_frames)]:
                    pixels = np.full((size[1], size[0], 3), level, dtype=np.uint8)
                    container.mux(pictures.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
                container.mux(pictures.encode())
            if track is not None:
                frame = av.AudioFrame.from_ndarray(np.stack([sound, sound]), format="fltp", layout="stereo")
                frame.sample_rate, frame.pts = SOUND_RATE, 0
                container.mux(track.encode(frame))
                container.mux(track.encode())
        return buffer.getvalue()

    return make
