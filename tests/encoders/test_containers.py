import builtins

import numpy as np
import pytest

from metafuse.encoders import containers
from metafuse.encoders.containers import av_version, open_container, picture_stream, read_track
from metafuse.errors import MissingExtraError
from metafuse.sources.media import MediaError


def tone(seconds: float = 1.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * 16_000)) / 16_000)).astype(np.float32)


def test_the_sound_of_a_video_comes_as_one_channel_at_its_level(make_video):
    track = read_track(make_video(sound=tone(2)))
    assert track.sample_rate == 16_000
    assert track.samples.dtype == np.float32
    assert len(track.samples) == pytest.approx(32_000, abs=2048)  # AAC pads to whole frames
    assert np.abs(track.samples[4000:28_000]).max() == pytest.approx(0.5, abs=0.03)


def test_a_video_without_sound_has_no_track(make_video):
    assert read_track(make_video()) is None


def test_too_much_sound_is_refused_while_decoding(make_video, monkeypatch):
    monkeypatch.setattr(containers, "MAX_SAMPLES", 10_000)
    with pytest.raises(MediaError, match="has too long a sound: more than 10,000 samples are not read"):
        read_track(make_video(sound=tone(1)))


@pytest.mark.parametrize(("content", "message"), [(b"", r"is empty \(0 bytes\)"), (b"hello " * 40, "does not decode")])
def test_what_is_no_container_is_refused(content, message):
    with pytest.raises(MediaError, match=message):
        read_track(content)


@pytest.mark.parametrize(
    "playlist",
    [
        "ffconcat version 1.0\nfile {name}\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:1.0,\n{name}\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:1.0,\nfile://{folder}/{name}\n#EXT-X-ENDLIST\n",
    ],
)
def test_a_playlist_opens_no_other_file(make_video, tmp_path, monkeypatch, playlist):
    (tmp_path / "secret.ts").write_bytes(make_video(sound=tone(), kind="mpegts"))
    monkeypatch.chdir(tmp_path)
    content = playlist.format(name="secret.ts", folder=tmp_path).encode()
    with pytest.raises(MediaError, match="does not decode"), open_container(content) as container:
        list(container.decode(video=0))


def test_pictures_are_found_and_sound_alone_has_none(make_video):
    with open_container(make_video(sound=tone())) as container:
        assert picture_stream(container).codec_context.width == 64
    with open_container(make_video(n_frames=0, sound=tone())) as container:
        assert picture_stream(container) is None


def test_the_version_is_named():
    assert av_version().startswith("av ")


def test_a_missing_library_is_told_with_its_command(monkeypatch):
    original = builtins.__import__

    def refuse(name, *arguments, **options):
        if name == "av":
            raise ImportError(name)
        return original(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtraError, match=r'pip install "metafuse\[video\]"'):
        read_track(b"x")
