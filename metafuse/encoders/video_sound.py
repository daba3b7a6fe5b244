"""The sound of videos through an audio encoder."""

from collections.abc import Sequence

import numpy as np

from metafuse.encoders.base import Encoded, Encoder, Progress
from metafuse.encoders.containers import av_version, read_track
from metafuse.encoders.sound import is_silent, write_wav
from metafuse.sources.media import MediaError

VERSION = 1


class VideoSoundEncoder:
    """Encode the first sound track of videos; one without sound, or with a silent track, has a row of zeros.

    Args:
        audio: Encoder of the sound, which it gets as the bytes of a WAV file.
    """

    modality = "audio"

    def __init__(self, audio: Encoder) -> None:
        self.audio = audio

    @property
    def dim(self) -> int:
        """Length of the audio encoder's rows."""
        return self.audio.dim

    @property
    def fingerprint(self) -> str:
        """The audio encoder's, and the version of what decodes the sound."""
        return f"video-sound/{VERSION}; {av_version()}; {self.audio.fingerprint}"

    def encode(self, values: Sequence[bytes], progress: Progress | None = None) -> Encoded:
        """Encode the bytes of video files."""
        matrix = np.zeros((len(values), self.dim), dtype=np.float32)
        failures: dict[int, str] = {}
        for position, content in enumerate(values):
            try:
                track = read_track(content)
            except MediaError as err:
                failures[position] = str(err)
            else:
                if track is not None and not is_silent(track.samples):
                    encoded = self.audio.encode([write_wav(track)])
                    matrix[position] = encoded.matrix[0]
                    if encoded.failures:
                        failures[position] = f"has sound that {encoded.failures[0]}"
            if progress is not None:
                progress(1)
        return Encoded(matrix, failures)
