import pytest
import torch

from metafuse.backbones.columns import ColumnsBackbone
from metafuse.errors import ShapeError


def trained(**options):
    backbone = ColumnsBackbone(dims={"text": 4, "image": 3}, **options)
    with torch.no_grad():
        for up in backbone.up.values():
            up.normal_(generator=torch.Generator().manual_seed(1))
    return backbone


@pytest.fixture
def items():
    generator = torch.Generator().manual_seed(0)
    return {"text/a": torch.randn(5, 4, generator=generator), "numeric/table": torch.randn(5, 2, generator=generator)}


def test_starts_as_plain_concatenation(items):
    found = ColumnsBackbone(dims={"text": 4})(items)
    torch.testing.assert_close(found, torch.cat([items["text/a"], items["numeric/table"]], dim=1))


def test_keeps_the_length_of_every_column_and_leaves_tables_alone(items):
    found = trained()(items)
    assert not torch.allclose(found[:, :4], items["text/a"])
    torch.testing.assert_close(found[:, :4].norm(dim=1), items["text/a"].norm(dim=1))
    torch.testing.assert_close(found[:, 4:], items["numeric/table"])


def test_columns_of_one_modality_share_a_map(items):
    found = trained()({"text/a": items["text/a"], "text/b": items["text/a"]})
    torch.testing.assert_close(found[:, :4], found[:, 4:])


def test_a_column_that_is_absent_stays_zero_and_has_a_finite_gradient():
    backbone = trained()
    x = torch.zeros(2, 4, requires_grad=True)
    found = backbone({"text/a": x})
    found.sum().backward()
    assert not found.any()
    assert torch.isfinite(x.grad).all()
    assert torch.isfinite(backbone.up["text"].grad).all()


def test_another_dimension_is_refused_by_name():
    with pytest.raises(ShapeError, match=r"modality 'text': expected features of 4 dimensions.*got 7"):
        trained()({"text/a": torch.zeros(1, 7)})


def test_distance_from_start_is_zero_at_first_and_the_squared_norm_of_the_maps_later():
    assert ColumnsBackbone(dims={"text": 4}).distance_from_start().item() == 0
    backbone = trained()
    expected = sum(((backbone.up[name] @ backbone.down[name]) ** 2).sum() for name in ("text", "image"))
    torch.testing.assert_close(backbone.distance_from_start(), expected)


def test_same_seed_same_start_and_rank_bounds_the_map():
    first, second = (ColumnsBackbone(dims={"text": 4}, rank=2, seed=3) for _ in range(2))
    torch.testing.assert_close(first.down["text"], second.down["text"])
    assert first.down["text"].shape == (2, 4)
