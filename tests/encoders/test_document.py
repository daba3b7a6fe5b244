import numpy as np
import pytest

from metafuse.encoders.document import DocumentEncoder, cut_text

SENTENCES = [f"Sentence number {n} says something about part {n}." for n in range(100)]
TEXT = " ".join(SENTENCES)


def _cut(text: str, *, window: int = 60, overlap: float = 0.2, max_pieces: int = 100) -> list[str]:
    return cut_text(text, window=window, overlap=overlap, max_pieces=max_pieces)


def test_short_texts_have_the_text_encoders_features(toy_encoder):
    texts = ["battery dead", "", " a  b "]
    encoded = DocumentEncoder(toy_encoder).encode(texts)
    np.testing.assert_array_equal(encoded.matrix, toy_encoder.encode(texts).matrix)


def test_pieces_fit_the_window_end_with_sentences_and_hold_every_word():
    pieces = _cut(TEXT)
    # 3.5 bytes a token
    assert all(len(piece) <= 60 * 3.5 for piece in pieces)
    assert all(piece.endswith(".") for piece in pieces)
    assert all(any(sentence in piece for piece in pieces) for sentence in SENTENCES)


def test_neighbouring_pieces_overlap():
    pieces = _cut(TEXT)
    ends = [piece.split()[-1] for piece in pieces]
    assert all(end in after.split() for end, after in zip(ends, pieces[1:], strict=False))
    plain = _cut(TEXT, overlap=0.0)
    assert " ".join(plain) == TEXT


def test_of_too_many_pieces_evenly_spaced_ones_are_read():
    everything = _cut(TEXT)
    assert _cut(TEXT, max_pieces=3) == [everything[0], everything[round((len(everything) - 1) / 2)], everything[-1]]


def test_texts_without_spaces_are_cut_too():
    pieces = _cut("电池坏了" * 200, overlap=0.0)
    assert "".join(pieces) == "电池坏了" * 200
    assert max(len(piece.encode()) for piece in pieces) <= 60 * 3.5


def test_features_are_the_mean_of_the_pieces_by_length(toy_encoder):
    encoded = DocumentEncoder(toy_encoder, window=60, overlap=0.2).encode([TEXT])
    pieces = _cut(TEXT)
    mean = np.average(toy_encoder.encode(pieces).matrix, axis=0, weights=[len(piece) for piece in pieces])
    np.testing.assert_allclose(encoded.matrix[0], mean / np.linalg.norm(mean), rtol=1e-5)


def test_documents_are_encoded_alike_alone_and_together(toy_encoder):
    encoder, done = DocumentEncoder(toy_encoder, window=60), []
    texts = [TEXT[start:] for start in range(0, 1500, 5)]
    together = encoder.encode(texts, done.append).matrix
    assert sum(done) == len(texts)
    np.testing.assert_allclose(together[7], encoder.encode([texts[7]]).matrix[0], rtol=1e-5)


@pytest.mark.parametrize("option", [{"window": 128}, {"overlap": 0.5}, {"max_pieces": 3}])
def test_every_option_is_part_of_the_fingerprint(toy_encoder, option):
    assert DocumentEncoder(toy_encoder, **option).fingerprint != DocumentEncoder(toy_encoder).fingerprint
