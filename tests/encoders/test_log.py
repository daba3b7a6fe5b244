import numpy as np

from metafuse.encoders.base import Encoder
from metafuse.encoders.log import LogEncoder


def test_lines_of_one_template_cost_one_text_and_have_the_same_features(toy_encoder):
    lines = [f"job {n} ended after {n / 3:.2f} s" for n in range(100)] + ["disk full"]
    done = []
    encoded = LogEncoder(toy_encoder).encode(lines, done.append)
    assert toy_encoder.n_encoded == 2
    assert len(np.unique(encoded.matrix, axis=0)) == 2
    assert (encoded.matrix[:100] == encoded.matrix[0]).all()
    assert sum(done) == 99


def test_features_are_those_of_the_masked_line(toy_encoder):
    encoded = LogEncoder(toy_encoder).encode(["port 22 closed"])
    np.testing.assert_array_equal(encoded.matrix, toy_encoder.encode(["port number closed"]).matrix)


def test_is_a_text_encoder_of_its_own_fingerprint(toy_encoder):
    encoder = LogEncoder(toy_encoder)
    assert isinstance(encoder, Encoder)
    assert (encoder.modality, encoder.dim) == ("text", toy_encoder.dim)
    assert encoder.fingerprint != toy_encoder.fingerprint
    assert encoder.encode([]).matrix.shape == (0, toy_encoder.dim)
