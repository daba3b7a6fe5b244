from pathlib import Path

import pandas as pd
import pytest

from metafuse.columns.log_masks import are_log_lines, log_share, mask_line

DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        (
            "Failed password for root from 10.0.0.7 port 22 ssh2",
            "Failed password for root from address port number ssh number",
        ),
        ("2015-10-18 18:01:47,978 INFO started", "time INFO started"),
        ("Jun 14 15:16:01 combo sshd: session opened", "time combo sshd: session opened"),
        ("fault at 0x0b85eee0, mask 0x05", "fault at hex , mask hex"),
        ("Receiving block blk_-160899 src: /10.2.1.9:54106", "Receiving block blk_ number src: address"),
        ("loaded /usr/lib/libc.so.6 twice", "loaded path twice"),
        ("opened C:\\Windows\\System32\\cbs.dll", "opened path"),
        ('user "anna b" logged in', "user quoted logged in"),
        ("request 123e4567-e89b-12d3-a456-426614174000 done", "request uuid done"),
        ("GET https://a.example/b?c=1 200", "GET url number"),
        ("mail to a.b@example.org queued", "mail to address queued"),
        ("codes 1 2 3 4", "codes number"),
        ("java.io.IOException: broken pipe", "java.io.IOException: broken pipe"),
        ("the user's disk isn't full", "the user's disk isn't full"),
    ],
)
def test_parameters_become_words(line, masked):
    assert mask_line(line) == masked


def test_lines_that_differ_in_parameters_only_mask_alike():
    ends = [f"[{n}] job_{n} took {n / 7:.3f} s on host 10.0.{n}.1" for n in range(25)]
    starts = [f"[{n}] job_{n} started by /srv/jobs/run{n}.sh" for n in range(25)]
    assert len({mask_line(line) for line in ends}) == 1
    assert log_share([*ends, *starts]) == 1.0
    # with one template, masking would leave nothing to learn from
    assert log_share(ends) == 0.0


def test_few_lines_and_texts_without_templates_are_no_log():
    assert log_share(["[1] started", "[2] started", "[3] started"]) == 0.0
    words = ["my card was charged twice", "where is my order", "please cancel it", "the app crashes"]
    assert not are_log_lines([f"{words[n % 4]} {'very ' * (n // 4)}much: {n}" for n in range(12)] * 3)


def test_addresses_and_sizes_of_products_are_no_log():
    streets = [f"{number} {street} Street" for number in range(1, 30) for street in ("Main", "Oak", "Mill")]
    assert not are_log_lines(streets)
    assert not are_log_lines([f"Hero Hoodie, size {size}, grey" for size in range(30, 80)])


needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the real data sets are not here")


@needs_data
@pytest.mark.parametrize("system", ["BGL", "HDFS", "Hadoop", "Linux", "OpenSSH", "Windows"])
def test_masked_lines_of_real_systems_belong_to_one_event_each(system):
    frame = pd.read_csv(DATA / "loghub" / system / f"{system}_2k.log_structured.csv")
    masked = frame["Content"].map(mask_line)
    assert frame["EventId"].groupby(masked).nunique().max() == 1
    assert masked.nunique() <= frame["Content"].nunique() / 2


@needs_data
@pytest.mark.parametrize(
    ("file", "column"),
    [
        ("banking77/train.csv", "text"),
        ("luma_catalog/items.csv", "name"),
        ("luma_catalog/items.csv", "description"),
        ("appimage_catalog/items.csv", "comment"),
        ("appimage_catalog/items.csv", "description"),
        ("emoji_catalog/items.csv", "name"),
        ("emoji_catalog/items.csv", "keywords"),
    ],
)
def test_natural_texts_are_no_log(file, column):
    assert log_share(pd.read_csv(DATA / file)[column].dropna().tolist()) < 0.05
