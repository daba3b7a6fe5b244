import numpy as np

from metafuse.services.words import telling_words


def test_words_of_one_cluster_alone_come_before_words_of_all():
    texts = ["phone pairing", "phone pairing lost", "phone beetle", "phone beetle again"]
    words = telling_words(texts, np.array([0, 0, 1, 1]), 2)
    assert [entry[0] for entry in words] == ["pairing", "beetle"]


def test_a_word_of_a_single_text_names_nothing():
    assert telling_words(["zebra crossing", "harbour wall"], np.array([0, 0]), 1) == [()]


def test_empty_texts_and_rows_outside_are_left_out():
    words = telling_words(["", "moth moth", "moth", "wasp", "wasp"], np.array([0, 0, 0, -1, -1]), 1)
    assert words == [("moth",)]


def test_no_words_at_all_name_nothing():
    assert telling_words(["12 34", ""], np.array([0, 0]), 2) == [(), ()]
