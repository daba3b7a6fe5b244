import pytest

from metafuse.report.base import Estimate
from metafuse.report.words import clip, count, estimate, listing, percent, seconds, signed_points


@pytest.mark.parametrize(
    ("share", "written"),
    [(0.0, "0 %"), (0.004, "0.4 %"), (0.86, "86 %"), (0.996, "99.6 %"), (1.0, "100 %"), (None, "\u2014")],
)
def test_percent(share, written):
    assert percent(share).replace("\u202f", " ") == written


def test_estimate_shows_its_interval():
    assert estimate(Estimate(0.86, 0.74, 0.93)).replace("\u202f", " ").replace("\u2013", "-") == "86 % (74-93)"


@pytest.mark.parametrize(("difference", "written"), [(0.154, "+15.4"), (-0.05, "\u22125"), (0.0, "0")])
def test_points_carry_their_sign(difference, written):
    assert signed_points(difference) == written


def test_clip_cuts_and_joins_lines():
    assert clip("a\n b", 10) == "a b"
    assert clip("abcdefghij", 5) == "abcd\u2026"


@pytest.mark.parametrize(("names", "written"), [([], ""), (["a"], "a"), (["a", "b"], "a and b")])
def test_listing(names, written):
    assert listing(names) == written


def test_listing_counts_what_it_leaves_out():
    assert listing(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"


def test_count_knows_singular_and_plural():
    assert [count(1, "row"), count(1200, "row"), count(2, "class", "classes")] == ["1 row", "1,200 rows", "2 classes"]


@pytest.mark.parametrize(("duration_s", "written"), [(0.42, "0.42 s"), (12.3, "12 s"), (61.0, "1 min 1 s")])
def test_seconds(duration_s, written):
    assert seconds(duration_s) == written
