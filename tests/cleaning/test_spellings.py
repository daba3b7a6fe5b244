import pytest

from metafuse.cleaning.spellings import is_slip, plain_spelling, shortened


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  North   Gate ", "north gate"),
        ("north-gate", "north gate"),
        ("St. Louis", "st louis"),
        ("\N{FULLWIDTH LATIN CAPITAL LETTER A}bc", "abc"),
        ("CoolTech&trade;", "cooltechtm"),
        ("C++", "c++"),
        ("AB-", "ab-"),
        ("-", "-"),
        (">50K.", ">50k"),
        ("1.0", "1.0"),
        ("2-3 weeks", "2-3 weeks"),
        ("2  weeks", "2 weeks"),
    ],
)
def test_what_makes_no_difference_is_left_out(text, expected):
    assert plain_spelling(text) == expected


@pytest.mark.parametrize(
    ("slip", "right"),
    [
        ("harbur street", "harbour street"),  # left out
        ("harrbour street", "harbour street"),  # doubled
        ("harbxour street", "harbour street"),  # put in
        ("harobur street", "harbour street"),  # swapped
        ("harbour streeet", "harbour street"),
        ("harvour street", "harbour street"),  # the key beside
        ("herbour street", "harbour street"),  # a vowel for a vowel
        ("televicion", "television"),
        ("harbourstreet", "harbour street"),
        ("café royal", "cafe royal"),
    ],
)
def test_slips_are_told(slip, right):
    assert is_slip(slip, right)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("men", "women"),
        ("back", "black"),
        ("xs", "s"),
        ("a1", "a2"),
        ("1.0", "1.1"),
        ("2019", "2018"),
        ("iceland", "ireland"),
        ("gambia", "zambia"),
        ("dominican", "dominica"),
        ("atypical angina", "typical angina"),
        ("grade i", "grade ii"),
        ("model x100", "model y100"),
        ("model 100", "model 101"),
        ("married", "unmarried"),
        ("spring", "string"),
        ("better", "bitter"),
        ("state gov", "local gov"),
        ("vhigh", "high"),
    ],
)
def test_other_values_are_no_slips(text, other):
    assert not is_slip(text, other)
    assert not is_slip(other, text)


def test_texts_one_step_apart_have_a_shortened_one_in_common():
    for text, other in [("ab", "ab"), ("abc", "ac"), ("abc", "axc"), ("abc", "acb"), ("a b", "ab"), ("é", "e")]:
        assert set(shortened(text)) & set(shortened(other))
