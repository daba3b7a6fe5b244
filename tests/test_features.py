import logging
import os

import numpy as np
import pytest

from metafuse import features
from metafuse.encoders.base import Encoded
from metafuse.errors import ShapeError, SourceError
from metafuse.features import FeatureCache, Features, encode_values
from metafuse.schema import Modality
from metafuse.sources.media import MediaError


def encode(encoder, values, cache):
    return encode_values(encoder, values, str, cache)


def test_each_distinct_value_is_encoded_once(toy_encoder, cache):
    matrix, failures = encode(toy_encoder, ["a", "b", "a", "a"], cache)
    assert toy_encoder.n_encoded == 2
    assert failures == {}
    np.testing.assert_array_equal(matrix[0], matrix[2])
    assert not np.array_equal(matrix[0], matrix[1])


def test_second_run_encodes_only_what_is_new(toy_encoder, cache):
    first, _ = encode(toy_encoder, ["a", "b"], cache)
    second, _ = encode(toy_encoder, ["c", "b", "a"], cache)
    assert toy_encoder.n_encoded == 3
    np.testing.assert_array_equal(second[[2, 1]], first)


def test_encoders_do_not_share_their_features(toy_encoder, cache):
    encode(toy_encoder, ["a"], cache)
    other = type(toy_encoder)("another fingerprint")
    encode(other, ["a"], cache)
    assert other.n_encoded == 1


def test_interrupted_run_goes_on_from_the_last_chunk(toy_encoder, cache, monkeypatch):
    monkeypatch.setattr(features, "CHUNK", 2)
    plain = toy_encoder.encode

    def stop_at_third_chunk(values, progress=None):
        if toy_encoder.n_encoded >= 4:
            raise KeyboardInterrupt
        return plain(values, progress)

    toy_encoder.encode = stop_at_third_chunk
    with pytest.raises(KeyboardInterrupt):
        encode(toy_encoder, list("abcdef"), cache)
    toy_encoder.encode = plain
    encode(toy_encoder, list("abcdef"), cache)
    assert toy_encoder.n_encoded == 6


def test_damaged_segment_is_reported_and_encoded_anew(toy_encoder, cache, caplog):
    good, _ = encode(toy_encoder, ["a", "b"], cache)
    (segment,) = cache.folder.rglob("*.safetensors")
    content = bytearray(segment.read_bytes())
    content[-1] ^= 1
    segment.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        again, _ = encode(toy_encoder, ["a", "b"], cache)
    assert "is damaged" in caplog.text
    np.testing.assert_array_equal(again, good)


def test_lost_segment_is_encoded_anew(toy_encoder, cache):
    encode(toy_encoder, ["a"], cache)
    (segment,) = cache.folder.rglob("*.safetensors")
    segment.unlink()
    encode(toy_encoder, ["a"], cache)
    assert toy_encoder.n_encoded == 2


def test_full_disk_is_said_and_keeps_what_was_cached(toy_encoder, cache, monkeypatch):
    encode(toy_encoder, ["a"], cache)

    def no_space(handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", no_space)
        with pytest.raises(SourceError, match=r"No space left on device.*Free some space.*the next run goes on"):
            encode(toy_encoder, ["a", "b"], cache)
    assert not list(cache.folder.rglob("*.tmp"))
    encode(toy_encoder, ["a"], cache)
    assert toy_encoder.n_encoded == 2


def test_unreadable_cell_is_a_failure_and_a_zero_row(toy_encoder, cache):
    def read(value):
        if value == "gone":
            raise MediaError("is missing")
        return value

    matrix, failures = encode_values(toy_encoder, ["a", "gone"], read, cache)
    assert failures == {1: "is missing"}
    assert not matrix[1].any()


def test_value_the_encoder_refuses_is_not_cached(toy_encoder, cache):
    def refuse(values, progress=None):
        toy_encoder.n_encoded += len(values)
        return Encoded(np.zeros((len(values), toy_encoder.dim), dtype=np.float32), {0: "is not an image"})

    toy_encoder.encode = refuse
    for _ in range(2):
        _, failures = encode(toy_encoder, ["bad", "bad"], cache)
        assert failures == {0: "is not an image", 1: "is not an image"}
    assert toy_encoder.n_encoded == 2


def test_take_selects_rows_of_every_column():
    found = Features(
        {"a": np.eye(3, dtype=np.float32)}, {"a": np.array([True, False, True])}, {"a": Modality.TEXT}
    ).take(np.array([2, 1]))
    assert len(found) == 2
    np.testing.assert_array_equal(found.matrices["a"], np.eye(3, dtype=np.float32)[[2, 1]])
    np.testing.assert_array_equal(found.present["a"], [True, False])


def test_columns_of_unequal_length_are_refused():
    with pytest.raises(ShapeError, match="one row per item"):
        Features({"a": np.zeros((2, 3), dtype=np.float32)}, {"a": np.ones(3, dtype=bool)}, {"a": Modality.TEXT})


def test_empty_list_of_values(toy_encoder, cache: FeatureCache):
    matrix, failures = encode(toy_encoder, [], cache)
    assert matrix.shape == (0, 8)
    assert failures == {}
