"""Videos through an image encoder: evenly spread frames, their features averaged."""

from collections.abc import Sequence

import numpy as np

from metafuse.encoders.base import Encoded, Encoder, Progress
from metafuse.encoders.containers import av_version
from metafuse.encoders.frames import MAX_SIDE, sample_frames
from metafuse.errors import ConfigError
from metafuse.sources.media import MediaError

VERSION = 1
BATCH_VIDEOS = 8
"""Videos whose frames go through the image encoder together."""


class VideoFramesEncoder:
    """Encode videos by the mean of their frames' features, L2-normalised.

    Args:
        image: Encoder of the frames, which it gets as the bytes of image files.
        n_frames: Frames of each video, evenly over its duration.
    """

    modality = "image"

    def __init__(self, image: Encoder, *, n_frames: int = 8) -> None:
        if n_frames < 1:
            raise ConfigError(f"n_frames: expected at least 1, got {n_frames}. The default is 8.")
        self.image = image
        self.n_frames = n_frames

    @property
    def dim(self) -> int:
        """Length of the image encoder's rows."""
        return self.image.dim

    @property
    def fingerprint(self) -> str:
        """The image encoder's, which frames it gets, and the version of what decodes them."""
        return f"video-frames/{VERSION}/{self.n_frames}/{MAX_SIDE}; {av_version()}; {self.image.fingerprint}"

    def encode(self, values: Sequence[bytes], progress: Progress | None = None) -> Encoded:
        """Encode the bytes of video files."""
        matrix = np.zeros((len(values), self.dim), dtype=np.float32)
        failures: dict[int, str] = {}
        for start in range(0, len(values), BATCH_VIDEOS):
            batch = values[start : start + BATCH_VIDEOS]
            encoded = self._encode_batch(batch)
            matrix[start : start + len(batch)] = encoded.matrix
            failures |= {start + at: reason for at, reason in encoded.failures.items()}
            if progress is not None:
                progress(len(batch))
        return Encoded(matrix, failures)

    def _encode_batch(self, values: Sequence[bytes]) -> Encoded:
        frames: list[bytes] = []
        owners: list[int] = []
        failures: dict[int, str] = {}
        for position, content in enumerate(values):
            try:
                found = sample_frames(content, self.n_frames)
            except MediaError as err:
                failures[position] = str(err)
                continue
            frames += found
            owners += [position] * len(found)
        encoded = self.image.encode(frames)
        failures |= {owners[at]: f"has a frame that {reason}" for at, reason in encoded.failures.items()}
        sums = np.zeros((len(values), self.dim), dtype=np.float64)
        np.add.at(sums, np.array(owners, dtype=np.int64), encoded.matrix.astype(np.float64))
        sums[list(failures)] = 0
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        return Encoded((sums / np.maximum(norms, 1e-12)).astype(np.float32), failures)
