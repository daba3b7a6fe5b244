import numpy as np
import pytest

from metafuse.encoders import WRAPPING_ENCODERS
from metafuse.encoders.base import Encoded, Encoder
from metafuse.encoders.frames import sample_frames
from metafuse.encoders.image_handcrafted import HandcraftedImageEncoder
from metafuse.encoders.pixels import decode_image
from metafuse.encoders.video import VideoFramesEncoder
from metafuse.errors import ConfigError


class BrightnessEncoder:
    """Encodes a picture as (1, its mean brightness); pictures of the refused brightness fail."""

    modality = "image"
    dim = 2
    fingerprint = "brightness"

    def __init__(self, refused: float | None = None) -> None:
        self.refused = refused

    def encode(self, values, progress=None):
        means = [float(np.asarray(decode_image(value)).mean()) / 255 for value in values]
        failures = {at: "is too bright" for at, mean in enumerate(means) if mean == self.refused}
        matrix = [[0, 0] if at in failures else [1, mean] for at, mean in enumerate(means)]
        return Encoded(np.array(matrix, dtype=np.float32).reshape(-1, 2), failures)


def test_it_is_registered_and_wraps_the_image_encoder(make_video):
    encoder = WRAPPING_ENCODERS.build("video frames", HandcraftedImageEncoder())
    assert isinstance(encoder, Encoder)
    assert (encoder.modality, encoder.dim) == ("image", HandcraftedImageEncoder.dim)
    encoded = encoder.encode([make_video(4)])
    assert np.linalg.norm(encoded.matrix[0]) == pytest.approx(1, abs=1e-6)


def test_a_row_is_the_mean_of_the_frames_with_unit_length(make_video):
    content = make_video(8)
    rows = BrightnessEncoder().encode(sample_frames(content, 4)).matrix
    expected = rows.mean(axis=0) / np.linalg.norm(rows.mean(axis=0))
    encoded = VideoFramesEncoder(BrightnessEncoder(), n_frames=4).encode([content])
    assert np.allclose(encoded.matrix[0], expected, atol=1e-6)
    assert encoded.matrix.dtype == np.float32


def test_bad_videos_are_failures_and_the_others_go_on(make_video):
    counts = []
    values = [b"x" * 90, make_video(levels=[10] * 5), b"", *[make_video(levels=[200] * 3)] * 7]
    encoded = VideoFramesEncoder(BrightnessEncoder()).encode(values, counts.append)
    assert sorted(encoded.failures) == [0, 2]
    assert encoded.failures[0].startswith("does not decode")
    assert not encoded.matrix[[0, 2]].any()
    assert encoded.matrix[:, 1].argsort()[2] == 1  # the dark one, after the two rows of zeros
    assert counts == [8, 2]


def test_a_frame_the_image_encoder_refuses_is_a_failure_of_the_video(make_video):
    content = make_video(levels=[255] * 3)
    [bright] = set(BrightnessEncoder().encode(sample_frames(content, 1)).matrix[:, 1].astype(float))
    assert bright == 1
    encoded = VideoFramesEncoder(BrightnessEncoder(refused=1.0)).encode([content, make_video(levels=[9] * 3)])
    assert encoded.failures == {0: "has a frame that is too bright"}
    assert encoded.matrix.any(axis=1).tolist() == [False, True]


def test_no_values_give_an_empty_matrix():
    assert VideoFramesEncoder(BrightnessEncoder()).encode([]).matrix.shape == (0, 2)


def test_fingerprint_follows_frames_and_image_encoder():
    first = VideoFramesEncoder(BrightnessEncoder())
    assert "brightness" in first.fingerprint and "av " in first.fingerprint
    assert VideoFramesEncoder(BrightnessEncoder(), n_frames=4).fingerprint != first.fingerprint
    assert VideoFramesEncoder(HandcraftedImageEncoder()).fingerprint != first.fingerprint


def test_fewer_than_one_frame_is_refused():
    with pytest.raises(ConfigError, match=r"n_frames: expected at least 1, got 0\. The default is 8"):
        VideoFramesEncoder(BrightnessEncoder(), n_frames=0)
