import numpy as np
import pytest
import torch

from metafuse.backbones.column_tokens import ABOUT
from metafuse.fusion.column_facts import N_FACTS, NAME_DIM
from metafuse.meta_training.schemas import vary_schema
from metafuse.meta_training.sources import TrainingSource, about_columns


@pytest.fixture
def wide(source) -> TrainingSource:
    """Four columns that agree with each other."""
    plain = source()
    x = plain.items["text/note"]
    generator = torch.Generator().manual_seed(1)
    columns = {f"text/note{place}": x + 0.05 * torch.randn(x.shape, generator=generator) for place in range(4)}
    names = {name: np.full(NAME_DIM, place, dtype=np.float32) for place, name in enumerate(columns)}
    return TrainingSource(columns | about_columns(columns, names), plain.pools, plain.encoders, "content")


def columns_of(source):
    return {name: x for name, x in source.items.items() if not name.startswith(ABOUT)}


def test_the_first_is_the_source_itself_and_others_have_some_of_its_columns_under_names_of_their_own(wide):
    found = vary_schema(wide, 12, seed=0)
    assert found[0] is wide
    sizes = [len(columns_of(each)) for each in found[1:]]
    assert min(sizes) >= 2
    assert len(set(sizes)) > 1
    assert [each.pools["meta_train"].name for each in found[1:3]] == ["toy, schema 2", "toy, schema 3"]
    assert all(each.pools["meta_train"].class_id is wide.pools["meta_train"].class_id for each in found)


def test_every_column_keeps_its_name_and_a_dealt_one_agrees_with_nothing(wide):
    dealt = 0
    for each in vary_schema(wide, 20, seed=0)[1:]:
        for name, x in columns_of(each).items():
            about = each.items[ABOUT + name]
            assert about.shape == (len(x), N_FACTS + NAME_DIM)
            assert about[0, N_FACTS:].unique().tolist() == [float(name[-1])]
            if not torch.equal(x, wide.items[name]):
                dealt += 1
                torch.testing.assert_close(x.sum(0), wide.items[name].sum(0), atol=1e-3, rtol=0)
                others = [other for other in columns_of(each) if torch.equal(each.items[other], wide.items[other])]
                if len(others) > 1:
                    assert about[0, 0] < -1
    assert dealt > 3


def test_same_seed_same_schemas(wide):
    first, second, other = (vary_schema(wide, 5, seed) for seed in (3, 3, 4))
    assert [list(each.items) for each in first] == [list(each.items) for each in second]
    assert [list(each.items) for each in first] != [list(each.items) for each in other]
