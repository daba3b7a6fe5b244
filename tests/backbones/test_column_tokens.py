import pytest
import torch

from metafuse.backbones.column_tokens import ABOUT, ColumnTokensBackbone
from metafuse.errors import ConfigError, ShapeError

OPTIONS = {"dims": {"text": 4, "image": 3}, "name_dim": 5, "width": 8, "n_heads": 2}


def build(*, trained: bool = False, **options):
    backbone = ColumnTokensBackbone(**OPTIONS | options)
    if trained:
        generator = torch.Generator().manual_seed(1)
        with torch.no_grad():
            backbone.out.normal_(generator=generator)
            backbone.law.normal_(generator=generator)
    return backbone


def draw(n=6, **dims):
    generator = torch.Generator().manual_seed(0)
    columns = {name: torch.randn(n, dim, generator=generator) for name, dim in dims.items()}
    about = {ABOUT + name: torch.randn(1, 7, generator=generator).expand(n, -1) for name in dims}
    return columns | about


@pytest.fixture
def items():
    return draw(**{"text/a": 4, "image/b": 3, "numeric/table": 2})


def plain(items):
    return torch.cat([x for name, x in items.items() if not name.startswith(ABOUT)], dim=1)


def test_starts_as_plain_concatenation(items):
    torch.testing.assert_close(build().eval()(items), plain(items))
    assert build().distance_from_start().item() == 0


def test_weighs_columns_and_keeps_directions_and_length(items):
    found = build(trained=True).eval()(items)
    assert not torch.allclose(found, plain(items), atol=1e-2)
    torch.testing.assert_close(found.norm(dim=1), plain(items).norm(dim=1))
    cosine = torch.nn.functional.cosine_similarity(found[:, :4], items["text/a"])
    torch.testing.assert_close(cosine, torch.ones(6))


def test_order_of_columns_does_not_matter(items):
    backbone = build(trained=True).eval()
    turned = {name: items[name] for name in ("image/b", "numeric/table", "text/a")}
    turned |= {ABOUT + name: items[ABOUT + name] for name in list(turned)}
    torch.testing.assert_close(backbone(turned)[:, 5:], backbone(items)[:, :4])


def test_each_item_is_embedded_by_itself(items):
    backbone = build(trained=True).eval()
    torch.testing.assert_close(backbone({name: x[:1] for name, x in items.items()}), backbone(items)[:1])


def test_a_missing_column_stays_zero_and_does_not_touch_the_rest(items):
    backbone = build(trained=True).eval()
    without = items | {"image/b": torch.zeros(6, 3)}
    found, alone = backbone(without), backbone({name: x for name, x in items.items() if "image/b" not in name})
    assert not found[:, 4:7].any()
    torch.testing.assert_close(torch.cat([found[:, :4], found[:, 7:]], dim=1), alone)


def test_a_modality_without_a_token_keeps_its_plain_weight_beside_the_others():
    backbone = build(trained=True, modalities=["text"]).eval()
    both = draw(**{"text/a": 4, "audio/b": 3})
    torch.testing.assert_close(backbone(both), plain(both))


def test_training_leaves_columns_out_and_evaluation_does_not(items):
    backbone = build(drop=0.6).train()
    torch.manual_seed(0)
    found = [backbone(items) for _ in range(20)]
    assert any(not each[:, :4].any() for each in found)
    assert all(each.any() for each in found)


def test_every_weight_gets_a_finite_gradient_even_with_an_empty_item(items):
    backbone = build(trained=True).eval()
    for name in ("text/a", "image/b", "numeric/table"):
        items[name][0] = 0
    weight = torch.randn(9, generator=torch.Generator().manual_seed(3))
    (backbone(items) @ weight).sum().backward()
    gradients = {name: each.grad for name, each in backbone.named_parameters()}
    assert all(gradient is not None and torch.isfinite(gradient).all() for gradient in gradients.values())
    assert all(gradient.any() for gradient in gradients.values())


def test_same_seed_gives_the_same_weights():
    first, second, other = build(seed=1), build(seed=1), build(seed=2)
    assert torch.equal(first.query, second.query)
    assert not torch.equal(first.query, other.query)


def test_another_dimension_or_a_column_nothing_is_said_about_is_refused():
    with pytest.raises(ShapeError, match=r"modality 'text': expected features of 4 dimensions.*got 7"):
        build()(draw(**{"text/a": 7}))
    with pytest.raises(ShapeError, match=r"column 'text/a': expected 7 numbers about it.*got none"):
        build()({"text/a": torch.ones(2, 4)})


@pytest.mark.parametrize(
    ("options", "said"), [({"n_heads": 3}, "n_heads that divide the width of 8, got 3"), ({"drop": 1.0}, "got 1.0")]
)
def test_options_out_of_range_are_refused(options, said):
    with pytest.raises(ConfigError, match=said):
        build(**options)
